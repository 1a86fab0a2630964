"""The records are complete: every resource that stacks make has one, and what a record declares is so."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pulumi
import pulumi_aws
import pytest
from botocore.exceptions import ClientError

from runctl_auto.errors import AccessDeniedError
from runctl_auto.permissions.document import grants_of
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.records import names
from runctl_auto.providers.aws.records.catalogue import KINDS, RECORDS
from runctl_auto.providers.aws.records.kind import AwsKind
from runctl_auto.providers.aws.records.roles import role_policy
from runctl_auto.providers.resource import CloudResource
from runctl_auto.stack.state import parse_state

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

COMPONENTS = Path(__file__).parents[6] / "components"
PARTS = {
    "aws:autoscaling/schedule:Schedule": "Auto Scaling group",
    "aws:ec2/volumeAttachment:VolumeAttachment": "volume",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": "bucket",
    "aws:s3/bucketObjectv2:BucketObjectv2": "bucket",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": "bucket",
    "aws:s3/bucketPolicy:BucketPolicy": "bucket",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "bucket",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": "bucket",
    "aws:s3/bucketVersioning:BucketVersioning": "bucket",
}
"""Types without a life of their own, and the kind with which they are deleted."""


OF_PODS = {"aws:iam/accessKey:AccessKey", "aws:iam/user:User", "aws:iam/userPolicy:UserPolicy"}
"""What only jobs on RunPod have: ``runpod.records`` knows the users; keys and policies are parts of them."""


def declared_types() -> set[str]:
    """Type tokens of all AWS resources that the components' source refers to."""
    found = {token for file in COMPONENTS.glob("*.py") for token in _types_in(file)}
    return found - OF_PODS


def _types_in(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        path = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
        if not path.startswith("aws.") or path.count(".") != 2:
            continue
        _, module, name = path.split(".")
        declared = getattr(getattr(pulumi_aws, module), name)
        if isinstance(declared, type) and issubclass(declared, pulumi.CustomResource):
            yield str(declared.pulumi_type)


def test_every_type_that_components_declare_has_a_record_or_is_part_of_one() -> None:
    declared = declared_types()
    assert len(declared) > len(PARTS)
    assert set(PARTS) <= declared
    assert set(PARTS.values()) <= KINDS.listed
    recorded = {token for kind in RECORDS for token in kind.types}
    assert not recorded & set(PARTS)
    assert declared - set(PARTS) - recorded == set()


def test_all_kinds_that_stacks_make_can_be_searched_for() -> None:
    made = {kind.name for kind in RECORDS if declared_types() & set(kind.types)}
    assert made - KINDS.listed == {"role policy"}  # known by its role alone
    assert {kind.name for kind in RECORDS if kind.made_by_stacks} == made - {"role policy"}
    assert {"schedule", "schedule group"} <= KINDS.listed


def test_every_name_is_that_of_one_record() -> None:
    constants = {value for key, value in vars(names).items() if key.isupper()}
    assert sorted(kind.name for kind in RECORDS) == sorted(constants)


def test_a_state_holds_the_kinds_that_can_be_searched_for() -> None:
    held = [
        ("aws:scheduler/schedule:Schedule", "group/end"),
        ("aws:iam/rolePolicy:RolePolicy", "r:p"),
        ("aws:s3/bucketPolicy:BucketPolicy", "b"),
        ("aws:ebs/volume:Volume", ""),
    ]
    resources = [
        {"urn": f"urn::{token}::x", "type": token, "id": each, "custom": True} for token, each in held
    ]
    assert KINDS.keys_in(parse_state({"resources": resources})) == {("schedule", "group/end")}


ANSWERS: dict[str, Any] = {
    "get_instance_profile": {"InstanceProfile": {"Roles": [{"RoleName": "r"}]}},
    "list_attached_role_policies": {"AttachedPolicies": [{"PolicyArn": "a"}]},
    "list_role_policies": {"PolicyNames": ["p"]},
}


class Aws:
    """A client that remembers which operations were called, and has one of everything to clear away."""

    def __init__(self) -> None:
        self.calls: set[str] = set()
        self._versions = [{"Versions": [{"Key": "a", "VersionId": "1"}]}]

    def __getattr__(self, operation: str) -> Any:
        def call(**parameters: Any) -> Any:
            self.calls.add(operation)
            if operation == "list_object_versions" and self._versions:
                return self._versions.pop()
            return ANSWERS.get(operation, {})

        return call

    def get_waiter(self, name: str) -> Any:
        self.calls.add({"instance_terminated": "describe_instances"}[name])
        return create_autospec(_Waiter, instance=True)


class _Waiter:
    def wait(self, **parameters: Any) -> None: ...


def one_of(kind: AwsKind) -> CloudResource:
    return role_policy("r", "p") if kind.name == "role policy" else CloudResource(kind.name, "x", "")


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.name)
def test_a_removal_makes_the_calls_that_its_record_declares(kind: AwsKind) -> None:
    aws = Aws()
    cloud = Cloud(lambda service, region: aws, "us-east-1", sleep=lambda _: None)
    kind.remove(cloud, one_of(kind), "111122223333")
    assert aws.calls == {call.operation for call in (*kind.removal.calls, *kind.removal.reads)}


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.name)
def test_searching_and_removing_is_granted(kind: AwsKind) -> None:
    for call in (*kind.lists, *kind.reads, *kind.removal.reads):
        granted = [grant.resources for grant in grants_of("plan") if call.permission in grant.calls]
        assert any(set(call.arns) <= set(resources) for resources in granted), call
    for call in kind.removal.calls:
        granted = [grant.resources for grant in grants_of("sweep") if call.permission in grant.calls]
        assert any(set(resources) & set(kind.arns) for resources in granted), call


def test_commands_quote_what_a_shell_would_split() -> None:
    assert role_policy("a b", "it's").remove == (
        "aws iam delete-role-policy --role-name 'a b' --policy-name 'it'\"'\"'s'"
    )


def test_a_command_is_repeated_for_each_value_of_a_list() -> None:
    roles = KINDS["instance profile"].command("us-east-1", id="p", roles=["a", "b"]).split(" && ")
    assert [each.rpartition(" ")[2] for each in roles] == ["a", "b", "p"]
    assert KINDS["instance profile"].command("us-east-1", id="p", roles=[]).count("aws ") == 1


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.name)
def test_a_refused_call_is_an_error_and_not_a_removal(kind: AwsKind) -> None:
    class Refusing(Aws):
        def __getattr__(self, operation: str) -> Any:
            def call(**parameters: Any) -> Any:
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, operation)

            return call

    cloud = Cloud(lambda service, region: Refusing(), "us-east-1", sleep=lambda _: None)
    with pytest.raises(AccessDeniedError):
        kind.remove(cloud, one_of(kind), "111122223333")

"""Finds what prevents the deletion of a resource: the resources that use it, and attributes set by hand.

Reads only. Each look asks the service that would refuse the deletion.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from shlex import quote
from typing import Any

from runctl_auto.errors import CloudError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.machine_groups import find_groups
from runctl_auto.providers.aws.records import ec2, names
from runctl_auto.providers.aws.records.networks import INTERFACE, SECURITY_GROUP
from runctl_auto.providers.aws.records.roles import ROLE_POLICY, attached_policies, inline_policies
from runctl_auto.providers.resource import Blocker
from runctl_auto.stack.state import BUCKET, INSTANCE, VOLUME, ResourceState, StackState
from runctl_auto.stack.state import GROUP as MACHINES

GROUP = "aws:ec2/securityGroup:SecurityGroup"
ROLE = "aws:iam/role:Role"

_PROTECTIONS = (
    (
        "disableApiTermination",
        "DisableApiTermination",
        "termination protection",
        "--no-disable-api-termination",
    ),
    ("disableApiStop", "DisableApiStop", "stop protection", "--no-disable-api-stop"),
)
_EMPTYING = ("s3:DeleteBucket", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:ListBucketVersions")
_NO_POLICY = "NoSuchBucketPolicy"


def blockers_of(
    cloud: Cloud, resource: ResourceState, state: StackState, account: str, *, refused: bool
) -> tuple[Blocker, ...]:
    """What prevents the deletion of ``resource``; what a teardown of ``state`` deletes before does not count.

    ``refused``: look for causes too that the teardown would have removed before. Empty if nothing is known,
    also when the requests fail.
    """
    look = {**_LOOKS, **(_LOOKS_AFTER_REFUSAL if refused else {})}.get(resource.type)
    if look is None or not resource.id:
        return ()
    try:
        return tuple(look(cloud, resource.id, state, account))
    except CloudError:
        return ()


def _of_group(cloud: Cloud, group: str, state: StackState, _account: str) -> Iterator[Blocker]:
    yield from _interfaces(cloud, group, _own_machines(cloud, state))
    yield from _rules(cloud, group)


def _own_machines(cloud: Cloud, state: StackState) -> set[str]:
    """The job's instance and the machines of its group."""
    groups = [each.id for each in state.of_type(MACHINES) if each.id]
    found = find_groups(cloud, groups) if groups else {}
    in_groups = {machine for each in found.values() for machine in each.machines}
    return {each.id for each in state.of_type(INSTANCE)} | in_groups


def _interfaces(cloud: Cloud, group: str, own_machines: set[str]) -> Iterator[Blocker]:
    """Network interfaces in the group that do not end with a machine of the job."""
    in_group = [{"Name": "group-id", "Values": [group]}]
    for each in INTERFACE.listing.pages(cloud, Filters=in_group):
        attachment = each.get("Attachment") or {}
        machine = str(attachment.get("InstanceId") or "")
        if machine not in own_machines or not ec2.is_deleted_with(attachment):
            yield _interface(cloud, each, machine)


def _interface(cloud: Cloud, interface: Mapping[str, Any], machine: str) -> Blocker:
    identity = str(interface["NetworkInterfaceId"])
    note = f" ('{interface['Description']}')" if interface.get("Description") else ""
    what = f"network interface {identity}{note}"
    if machine:
        leave = "modify-network-interface-attribute --groups OTHER_GROUP --network-interface-id"
        return Blocker(
            f"{what} of instance {machine}",
            _command(cloud, leave, identity),
            names.INSTANCE,
            machine,
            ((names.INTERFACE, identity),),
        )
    if interface.get("RequesterManaged"):
        service = interface.get("RequesterId") or interface.get("InterfaceType") or "another service"
        return Blocker(f"{what}, which {service} manages", "", names.INTERFACE, identity)
    delete = INTERFACE.command(cloud.region, id=identity)
    return Blocker(what, delete, names.INTERFACE, identity)


def _rules(cloud: Cloud, group: str) -> Iterator[Blocker]:
    """Rules of other groups that refer to the group."""
    for prefix, listing, direction in (
        ("", "IpPermissions", "ingress"),
        ("egress.", "IpPermissionsEgress", "egress"),
    ):
        refers = [{"Name": f"{prefix}ip-permission.group-id", "Values": [group]}]
        for each in SECURITY_GROUP.listing.pages(cloud, Filters=refers):
            other = str(each["GroupId"])
            rules = [_only(group, rule) for rule in each.get(listing) or () if _refers(group, rule)]
            if other != group and rules:
                yield Blocker(
                    f"an {direction} rule of security group {other} ('{each.get('GroupName', '')}')",
                    _command(
                        cloud,
                        f"revoke-security-group-{direction} --ip-permissions {quote(json.dumps(rules))} "
                        "--group-id",
                        other,
                    ),
                    names.SECURITY_GROUP,
                    other,
                )


def _refers(group: str, rule: Mapping[str, Any]) -> bool:
    return any(pair.get("GroupId") == group for pair in rule.get("UserIdGroupPairs") or ())


def _only(group: str, rule: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a rule that refers to the group, in the form in which it is revoked."""
    kept = {key: rule[key] for key in ("IpProtocol", "FromPort", "ToPort") if rule.get(key) is not None}
    return {**kept, "UserIdGroupPairs": [{"GroupId": group}]}


def _of_volume(cloud: Cloud, volume: str, state: StackState, _account: str) -> Iterator[Blocker]:
    """Machines that are not the job's."""
    own = _own_machines(cloud, state)
    wanted = [{"Name": "volume-id", "Values": [volume]}]
    for each in cloud.pages("ec2", "describe_volumes", "Volumes", Filters=wanted):
        for attachment in each.get("Attachments") or ():
            machine = str(attachment.get("InstanceId") or "")
            if machine not in own and attachment.get("State") != "detached":
                detach = _command(cloud, "detach-volume --volume-id", volume)
                yield Blocker(f"its attachment to instance {machine}", detach, names.INSTANCE, machine)


def _of_machine(cloud: Cloud, machine: str, _state: StackState, _account: str) -> Iterator[Blocker]:
    """Protections that were set outside runctl, which sets none."""
    for attribute, key, what, option in _PROTECTIONS:
        answer = cloud.call("ec2", "describe_instance_attribute", InstanceId=machine, Attribute=attribute)
        if (answer.get(key) or {}).get("Value"):
            release = _command(cloud, f"modify-instance-attribute {option} --instance-id", machine)
            yield Blocker(f"its {what} ({attribute}), which was set outside runctl", release)


def _of_role(cloud: Cloud, role: str, state: StackState, _account: str) -> Iterator[Blocker]:
    """Policies that the stack did not give it."""
    own = {each.id for token in ROLE_POLICY.types for each in state.of_type(token)}
    for arn in attached_policies(cloud, role):
        yield Blocker(
            f"managed policy {arn}, which was attached outside runctl",
            f"aws iam detach-role-policy --role-name {quote(role)} --policy-arn {quote(arn)}",
            "managed policy",
            arn,
        )
    for policy in inline_policies(cloud, role):
        if f"{role}:{policy}" not in own:
            yield Blocker(
                f"inline policy '{policy}', which was added outside runctl",
                ROLE_POLICY.command("", role=role, policy=policy),
                names.ROLE_POLICY,
                f"{role}:{policy}",
            )


def _of_bucket(cloud: Cloud, bucket: str, _state: StackState, account: str) -> Iterator[Blocker]:
    for statement in _statements(cloud, bucket, account):
        if statement.get("Effect") == "Deny" and _denies_emptying(statement):
            name = statement.get("Sid") or "without a Sid"
            yield Blocker(
                f"statement '{name}' of its bucket policy, which denies deletions",
                f"aws s3api delete-bucket-policy --bucket {quote(bucket)} "
                f"--expected-bucket-owner {quote(account)}",
            )
    if _has_object_lock(cloud, bucket, account):
        yield Blocker("object lock, which keeps versions of objects until their retention ends")


def _statements(cloud: Cloud, bucket: str, account: str) -> list[Mapping[str, Any]]:
    try:
        answer = cloud.call("s3", "get_bucket_policy", Bucket=bucket, ExpectedBucketOwner=account)
    except CloudError as error:
        if error.code == _NO_POLICY:
            return []
        raise
    found = json.loads(answer["Policy"]).get("Statement") or []
    return found if isinstance(found, list) else [found]


def _denies_emptying(statement: Mapping[str, Any]) -> bool:
    """Whether it denies requests that are made over TLS, as all of ours are."""
    denied = statement.get("Action") or ()
    patterns = [denied] if isinstance(denied, str) else denied
    needs_plain = "aws:SecureTransport" in str(statement.get("Condition") or "")
    return not needs_plain and any(
        fnmatchcase(action.lower(), str(pattern).lower()) for pattern in patterns for action in _EMPTYING
    )


def _has_object_lock(cloud: Cloud, bucket: str, account: str) -> bool:
    try:
        answer = cloud.call("s3", "get_object_lock_configuration", Bucket=bucket, ExpectedBucketOwner=account)
    except CloudError:
        return False
    found = answer.get("ObjectLockConfiguration") or {}
    return bool(found.get("ObjectLockEnabled") == "Enabled")


def _command(cloud: Cloud, call: str, identity: str) -> str:
    return f"aws ec2 {call} {quote(identity)} --region {cloud.region}"


_Look = Callable[[Cloud, str, StackState, str], Iterator[Blocker]]
_LOOKS: Mapping[str, _Look] = {
    GROUP: _of_group,
    INSTANCE: _of_machine,
    ROLE: _of_role,
    VOLUME: _of_volume,
}
_LOOKS_AFTER_REFUSAL: Mapping[str, _Look] = {BUCKET: _of_bucket}
"""A teardown deletes the bucket's policy before the bucket."""

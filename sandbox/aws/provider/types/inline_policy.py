"""Inline policies of IAM roles and users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError, RefusedError
from sandbox.aws.provider.resource import Known, PhysicalName, Properties, ResourceType
from sandbox.aws.provider.schema import Field, Kind, replaces, table, updates
from sandbox.aws.provider.types.role import policy_text

_GONE = "NoSuchEntity"


def _inputs_of(owner: str) -> Mapping[str, Field]:
    return table(
        {
            "name": replaces(computed=True),
            "namePrefix": replaces(computed=True, told=False),
            "policy": updates(Kind.POLICY, required=True),
            owner: replaces(required=True),
        }
    )


class _InlinePolicy(ResourceType):
    """Its id is OWNER:NAME. ``owner`` is `role` or `user`."""

    owner: ClassVar[str]
    physical_name = PhysicalName("name", prefix="namePrefix", longest=128)

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        self._put(cloud, inputs[self.owner], inputs["name"], inputs["policy"], "creating")
        return f"{inputs[self.owner]}:{inputs['name']}"

    def read(self, cloud: Cloud, identifier: str, known: Known) -> Properties | None:
        owner, name = self._parts(identifier)
        doing = f"reading {self.title} ({identifier})"
        try:
            answer = cloud.call("iam", f"get_{self.owner}_policy", doing, **self._named(owner, name))
        except CloudError as error:
            if error.code == _GONE:
                return None
            raise
        return {
            "name": name,
            "namePrefix": known.carried("namePrefix", ""),
            "policy": policy_text(answer["PolicyDocument"]),
            self.owner: owner,
        }

    def update(
        self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> None:
        del state, changed
        owner, name = self._parts(identifier)
        self._put(cloud, owner, name, inputs["policy"], "updating")

    def delete(self, cloud: Cloud, identifier: str, state: Properties) -> None:
        del state
        owner, name = self._parts(identifier)
        doing = f"deleting {self.title} ({identifier})"
        try:
            cloud.call("iam", f"delete_{self.owner}_policy", doing, **self._named(owner, name))
        except CloudError as error:
            if error.code != _GONE:
                raise

    def _put(self, cloud: Cloud, owner: str, name: str, policy: str, verb: str) -> None:
        doing = f"{verb} {self.title} ({owner}:{name})"
        named = self._named(owner, name)
        cloud.call("iam", f"put_{self.owner}_policy", doing, **named, PolicyDocument=policy)

    def _named(self, owner: str, name: str) -> dict[str, str]:
        return {f"{self.owner.title()}Name": owner, "PolicyName": name}

    def _parts(self, identifier: str) -> tuple[str, str]:
        owner, separator, name = identifier.partition(":")
        if not separator:
            raise RefusedError(
                f"{self.owner} policy id must be of the form <{self.owner} name>:<{self.owner} policy name>, "
                f"not {identifier}"
            )
        return owner, name


class RolePolicy(_InlinePolicy):
    """`aws.iam.RolePolicy`."""

    token = "aws:iam/rolePolicy:RolePolicy"  # noqa: S105
    title = "IAM Role Policy"
    owner = "role"
    inputs = _inputs_of("role")


class UserPolicy(_InlinePolicy):
    """`aws.iam.UserPolicy`."""

    token = "aws:iam/userPolicy:UserPolicy"  # noqa: S105
    title = "IAM User Policy"
    owner = "user"
    inputs = _inputs_of("user")

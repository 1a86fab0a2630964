"""Inline policies of an IAM role."""

from __future__ import annotations

from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError, RefusedError
from sandbox.aws.provider.resource import Known, PhysicalName, Properties, ResourceType
from sandbox.aws.provider.schema import Kind, replaces, table, updates
from sandbox.aws.provider.types.role import policy_text

_GONE = "NoSuchEntity"


class RolePolicy(ResourceType):
    """`aws.iam.RolePolicy`. Its id is ROLE:NAME."""

    token = "aws:iam/rolePolicy:RolePolicy"  # noqa: S105
    title = "IAM Role Policy"
    physical_name = PhysicalName("name", prefix="namePrefix", longest=128)
    inputs = table(
        {
            "name": replaces(computed=True),
            "namePrefix": replaces(computed=True, told=False),
            "policy": updates(Kind.POLICY, required=True),
            "role": replaces(required=True),
        }
    )

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        self._put(cloud, inputs["role"], inputs["name"], inputs["policy"], "creating")
        return f"{inputs['role']}:{inputs['name']}"

    def read(self, cloud: Cloud, identifier: str, known: Known) -> Properties | None:
        role, name = _parts(identifier)
        try:
            answer = cloud.call(
                "iam",
                "get_role_policy",
                f"reading {self.title} ({identifier})",
                RoleName=role,
                PolicyName=name,
            )
        except CloudError as error:
            if error.code == _GONE:
                return None
            raise
        return {
            "name": name,
            "namePrefix": known.carried("namePrefix", ""),
            "policy": policy_text(answer["PolicyDocument"]),
            "role": role,
        }

    def update(
        self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> None:
        del state, changed
        role, name = _parts(identifier)
        self._put(cloud, role, name, inputs["policy"], "updating")

    def delete(self, cloud: Cloud, identifier: str, state: Properties) -> None:
        del state
        role, name = _parts(identifier)
        try:
            cloud.call(
                "iam",
                "delete_role_policy",
                f"deleting {self.title} ({identifier})",
                RoleName=role,
                PolicyName=name,
            )
        except CloudError as error:
            if error.code != _GONE:
                raise

    def _put(self, cloud: Cloud, role: str, name: str, policy: str, verb: str) -> None:
        cloud.call(
            "iam",
            "put_role_policy",
            f"{verb} {self.title} ({role}:{name})",
            RoleName=role,
            PolicyName=name,
            PolicyDocument=policy,
        )


def _parts(identifier: str) -> tuple[str, str]:
    role, separator, name = identifier.partition(":")
    if not separator:
        raise RefusedError(
            f"role policy id must be of the form <role name>:<role policy name>, not {identifier}"
        )
    return role, name

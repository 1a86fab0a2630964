"""IAM instance profiles."""

from __future__ import annotations

from sandbox.aws.provider import tagging
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError
from sandbox.aws.provider.resource import Known, PhysicalName, Properties, ResourceType
from sandbox.aws.provider.schema import TAGS, replaces, table, updates

_PROPAGATION_SECONDS = 120.0
_GONE = "NoSuchEntity"


class InstanceProfile(ResourceType):
    """`aws.iam.InstanceProfile`."""

    token = "aws:iam/instanceProfile:InstanceProfile"  # noqa: S105
    title = "IAM Instance Profile"
    physical_name = PhysicalName("name", prefix="namePrefix", longest=128)
    inputs = table(
        {
            "name": replaces(computed=True),
            "namePrefix": replaces(computed=True, told=False),
            "path": replaces(default="/"),
            "role": updates(),
            "tags": TAGS,
            "tagsAll": TAGS,
        }
    )
    outputs = ("arn", "createDate", "uniqueId")

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        answer = cloud.call(
            "iam",
            "create_instance_profile",
            f"creating {self.title} ({inputs['name']})",
            InstanceProfileName=inputs["name"],
            Path=inputs["path"],
            Tags=tagging.to_list(inputs.get("tagsAll")) or None,
        )
        return str(answer["InstanceProfile"]["InstanceProfileName"])

    def settle(self, cloud: Cloud, identifier: str, inputs: Properties) -> None:
        role = inputs.get("role")
        if role and (self.read(cloud, identifier, Known()) or {}).get("role") != role:
            self._add_role(cloud, identifier, role)

    def read(self, cloud: Cloud, identifier: str, known: Known) -> Properties | None:
        try:
            profile = cloud.call(
                "iam",
                "get_instance_profile",
                f"reading {self.title} ({identifier})",
                InstanceProfileName=identifier,
            )["InstanceProfile"]
        except CloudError as error:
            if error.code == _GONE:
                return None
            raise
        tags = tagging.told(tagging.from_list(profile.get("Tags")), cloud.configuration.default_tags, known)
        roles = profile.get("Roles", ())
        return {
            "arn": profile["Arn"],
            "createDate": profile["CreateDate"].isoformat(),
            "name": profile["InstanceProfileName"],
            "namePrefix": known.carried("namePrefix", ""),
            "path": profile["Path"],
            "role": roles[0]["RoleName"] if roles else "",
            "uniqueId": profile["InstanceProfileId"],
            **tags,
        }

    def update(
        self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> None:
        if "role" in changed:
            if state.get("role"):
                self._remove_role(cloud, identifier, state["role"])
            if inputs.get("role"):
                self._add_role(cloud, identifier, inputs["role"])
        if changed & {"tags", "tagsAll"}:
            self._change_tags(cloud, identifier, state, inputs)

    def delete(self, cloud: Cloud, identifier: str, state: Properties) -> None:
        if state.get("role"):
            self._remove_role(cloud, identifier, state["role"])
        try:
            cloud.call(
                "iam",
                "delete_instance_profile",
                f"deleting {self.title} ({identifier})",
                InstanceProfileName=identifier,
            )
        except CloudError as error:
            if error.code != _GONE:
                raise

    def _add_role(self, cloud: Cloud, identifier: str, role: str) -> None:
        doing = f"adding IAM Role ({role}) to {self.title} ({identifier})"
        cloud.retry_while(
            frozenset({"InvalidParameterValue"}),
            lambda: cloud.call(
                "iam", "add_role_to_instance_profile", doing, InstanceProfileName=identifier, RoleName=role
            ),
            standard=_PROPAGATION_SECONDS,
        )

    def _remove_role(self, cloud: Cloud, identifier: str, role: str) -> None:
        try:
            cloud.call(
                "iam",
                "remove_role_from_instance_profile",
                f"removing IAM Role ({role}) from {self.title} ({identifier})",
                InstanceProfileName=identifier,
                RoleName=role,
            )
        except CloudError as error:
            if error.code != _GONE:
                raise

    def _change_tags(self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties) -> None:
        doing = f"updating tags for {self.title} ({identifier})"
        added, removed = tagging.changes(state.get("tagsAll"), inputs.get("tagsAll"))
        if removed:
            cloud.call(
                "iam", "untag_instance_profile", doing, InstanceProfileName=identifier, TagKeys=removed
            )
        if added:
            cloud.call(
                "iam",
                "tag_instance_profile",
                doing,
                InstanceProfileName=identifier,
                Tags=tagging.to_list(added),
            )

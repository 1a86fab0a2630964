"""IAM roles."""

from __future__ import annotations

import json
from typing import Any

from sandbox.aws.provider import tagging
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError
from sandbox.aws.provider.resource import Known, PhysicalName, Properties, ResourceType
from sandbox.aws.provider.schema import TAGS, Change, Kind, refused, replaces, table, updates

DELETE_SECONDS = 120.0
_GONE = "NoSuchEntity"


class Role(ResourceType):
    """`aws.iam.Role`."""

    token = "aws:iam/role:Role"  # noqa: S105
    title = "IAM Role"
    physical_name = PhysicalName("name", prefix="namePrefix", longest=64)
    inputs = table(
        {
            "assumeRolePolicy": updates(Kind.POLICY, required=True),
            "description": updates(),
            "forceDetachPolicies": updates(Kind.BOOLEAN, default=False, told=False),
            "inlinePolicies": refused(Change.UPDATE, "use aws.iam.RolePolicy"),
            "managedPolicyArns": refused(Change.UPDATE, "state what is allowed in an aws.iam.RolePolicy"),
            "maxSessionDuration": updates(Kind.INTEGER, default=3600),
            "name": replaces(computed=True),
            "namePrefix": replaces(computed=True, told=False),
            "path": replaces(default="/"),
            "permissionsBoundary": updates(),
            "tags": TAGS,
            "tagsAll": TAGS,
        }
    )
    outputs = ("arn", "createDate", "uniqueId")

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        answer = cloud.call(
            "iam",
            "create_role",
            f"creating {self.title} ({inputs['name']})",
            RoleName=inputs["name"],
            AssumeRolePolicyDocument=inputs["assumeRolePolicy"],
            Description=inputs.get("description") or None,
            MaxSessionDuration=inputs["maxSessionDuration"],
            Path=inputs["path"],
            PermissionsBoundary=inputs.get("permissionsBoundary") or None,
            Tags=tagging.to_list(inputs.get("tagsAll")) or None,
        )
        return str(answer["Role"]["RoleName"])

    def read(self, cloud: Cloud, identifier: str, known: Known) -> Properties | None:
        try:
            role = cloud.call("iam", "get_role", f"reading {self.title} ({identifier})", RoleName=identifier)[
                "Role"
            ]
        except CloudError as error:
            if error.code == _GONE:
                return None
            raise
        tags = tagging.told(tagging.from_list(role.get("Tags")), cloud.configuration.default_tags, known)
        return {
            "arn": role["Arn"],
            "assumeRolePolicy": policy_text(role["AssumeRolePolicyDocument"]),
            "createDate": role["CreateDate"].isoformat(),
            "description": role.get("Description", ""),
            "forceDetachPolicies": known.carried("forceDetachPolicies", False),
            "maxSessionDuration": role.get("MaxSessionDuration", 3600),
            "name": role["RoleName"],
            "namePrefix": known.carried("namePrefix", ""),
            "path": role["Path"],
            "permissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""),
            "uniqueId": role["RoleId"],
            **tags,
        }

    def update(
        self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> None:
        doing = f"updating {self.title} ({identifier})"
        if "assumeRolePolicy" in changed:
            cloud.call(
                "iam",
                "update_assume_role_policy",
                f"{doing} assume role policy",
                RoleName=identifier,
                PolicyDocument=inputs["assumeRolePolicy"],
            )
        if changed & {"description", "maxSessionDuration"}:
            cloud.call(
                "iam",
                "update_role",
                doing,
                RoleName=identifier,
                Description=inputs.get("description", ""),
                MaxSessionDuration=inputs["maxSessionDuration"],
            )
        if "permissionsBoundary" in changed:
            self._change_boundary(cloud, identifier, inputs.get("permissionsBoundary"))
        if changed & {"tags", "tagsAll"}:
            self._change_tags(cloud, identifier, state, inputs)

    def delete(self, cloud: Cloud, identifier: str, state: Properties) -> None:
        doing = f"deleting {self.title} ({identifier})"
        try:
            if state.get("forceDetachPolicies"):
                self._detach_policies(cloud, identifier)
            self._leave_profiles(cloud, identifier)
            cloud.retry_while(
                frozenset({"DeleteConflict"}),
                lambda: cloud.call("iam", "delete_role", doing, RoleName=identifier),
                standard=DELETE_SECONDS,
            )
        except CloudError as error:
            if error.code != _GONE:
                raise

    @staticmethod
    def _change_boundary(cloud: Cloud, identifier: str, boundary: str | None) -> None:
        doing = f"updating IAM Role ({identifier}) permissions boundary"
        if boundary:
            cloud.call(
                "iam",
                "put_role_permissions_boundary",
                doing,
                RoleName=identifier,
                PermissionsBoundary=boundary,
            )
        else:
            cloud.call("iam", "delete_role_permissions_boundary", doing, RoleName=identifier)

    @staticmethod
    def _change_tags(cloud: Cloud, identifier: str, state: Properties, inputs: Properties) -> None:
        doing = f"updating tags for IAM Role ({identifier})"
        added, removed = tagging.changes(state.get("tagsAll"), inputs.get("tagsAll"))
        if removed:
            cloud.call("iam", "untag_role", doing, RoleName=identifier, TagKeys=removed)
        if added:
            cloud.call("iam", "tag_role", doing, RoleName=identifier, Tags=tagging.to_list(added))

    @staticmethod
    def _detach_policies(cloud: Cloud, identifier: str) -> None:
        doing = f"deleting IAM Role ({identifier}) policies"
        for policy in all_of(
            cloud, "list_attached_role_policies", "AttachedPolicies", doing, RoleName=identifier
        ):
            cloud.call("iam", "detach_role_policy", doing, RoleName=identifier, PolicyArn=policy["PolicyArn"])
        for name in all_of(cloud, "list_role_policies", "PolicyNames", doing, RoleName=identifier):
            cloud.call("iam", "delete_role_policy", doing, RoleName=identifier, PolicyName=name)

    @staticmethod
    def _leave_profiles(cloud: Cloud, identifier: str) -> None:
        doing = f"removing IAM Role ({identifier}) from instance profiles"
        for profile in all_of(
            cloud, "list_instance_profiles_for_role", "InstanceProfiles", doing, RoleName=identifier
        ):
            cloud.call(
                "iam",
                "remove_role_from_instance_profile",
                doing,
                RoleName=identifier,
                InstanceProfileName=profile["InstanceProfileName"],
            )


def all_of(cloud: Cloud, operation: str, key: str, doing: str, **parameters: Any) -> list[Any]:
    """All entries of an IAM list operation, paginated by a marker."""
    entries: list[Any] = []
    marker = None
    while True:
        page = cloud.call("iam", operation, doing, Marker=marker, **parameters)
        entries += page.get(key, [])
        marker = page.get("Marker") if page.get("IsTruncated") else None
        if not marker:
            return entries


def policy_text(document: Any) -> str:
    """A policy as text, whether or not the client has parsed it."""
    return document if isinstance(document, str) else json.dumps(document, separators=(",", ":"))

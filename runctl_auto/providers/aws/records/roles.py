"""Roles and instance profiles of runctl's. IAM is one for all regions, and most of its lists tell no tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from runctl_auto.errors import NotFoundError
from runctl_auto.providers import resource as found
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.records.commands import remove_profile, remove_role
from runctl_auto.providers.aws.records.ownership import Scope
from runctl_auto.providers.resource import CloudResource, read_tags

PAGE = 100


class PermissionLists:
    """Looks through IAM's lists for one scope."""

    def __init__(self, cloud: Cloud, scope: Scope) -> None:
        self._cloud = cloud
        self._scope = scope

    def roles(self) -> Iterator[CloudResource]:
        return self._roles_of_job() if self._scope.job is not None else self._roles_of_account()

    def profiles(self, roles: Mapping[str, CloudResource]) -> Iterator[CloudResource]:
        """Instance profiles with a name of runctl's, or with one of ``roles`` (by name) in them."""
        listed = self._cloud.pages("iam", "list_instance_profiles", "InstanceProfiles", MaxItems=PAGE)
        for each in listed:
            name = each["InstanceProfileName"]
            members = [role["RoleName"] for role in each.get("Roles") or ()]
            role = next((roles[member] for member in members if member in roles), None)
            held: dict[str, str] = {}
            if name.startswith(self._scope.name_prefix) and (role is None or self._scope.job is not None):
                held = self.tags_of_profile(name)
                whose = self._scope.judge(name, held, regional=False)
            else:
                whose = self._scope.related(role.job) if role is not None else None
            if whose is not None:
                profile = whose.found(
                    found.PROFILE,
                    name,
                    remove_profile(name, members),
                    held,
                    name=name,
                    created_at=each.get("CreateDate"),
                    cost_hour=0.0,
                )
                yield profile if role is None else _of_role(profile, role)

    def tags_of_profile(self, profile: str) -> dict[str, str]:
        """An instance profile's tags; empty when it has none, or does not exist."""
        try:
            described = self._cloud.call("iam", "get_instance_profile", InstanceProfileName=profile)
        except NotFoundError:
            return {}
        return read_tags(described["InstanceProfile"].get("Tags"))

    def _roles_of_job(self) -> Iterator[CloudResource]:
        for each in self._cloud.pages("iam", "list_roles", "Roles", MaxItems=PAGE):
            name = each["RoleName"]
            if not name.startswith(self._scope.name_prefix):
                continue
            try:
                held = read_tags(self._cloud.call("iam", "get_role", RoleName=name)["Role"].get("Tags"))
                if self._scope.judge(name, held, regional=False) is None:
                    continue
                role = self._role(each, held, self._inline(name), self._attached(name))
            except NotFoundError:
                continue
            if role is not None:
                yield role

    def _roles_of_account(self) -> Iterator[CloudResource]:
        """By the one list of IAM that tells tags and policies together."""
        details = self._cloud.pages(
            "iam", "get_account_authorization_details", "RoleDetailList", Filter=["Role"], MaxItems=PAGE
        )
        for each in details:
            inline = [policy["PolicyName"] for policy in each.get("RolePolicyList") or ()]
            attached = [policy["PolicyArn"] for policy in each.get("AttachedManagedPolicies") or ()]
            role = self._role(each, read_tags(each.get("Tags")), inline, attached)
            if role is not None:
                yield role

    def _role(
        self,
        role: Mapping[str, Any],
        held: Mapping[str, str],
        inline: Sequence[str],
        attached: Sequence[str],
    ) -> CloudResource | None:
        name = role["RoleName"]
        whose = self._scope.judge(name, held, regional=False)
        if whose is None:
            return None
        return whose.found(
            found.ROLE,
            name,
            remove_role(name, inline, attached),
            held,
            name=name,
            created_at=role.get("CreateDate"),
            cost_hour=0.0,
        )

    def _inline(self, role: str) -> list[str]:
        return list(self._cloud.pages("iam", "list_role_policies", "PolicyNames", RoleName=role))

    def _attached(self, role: str) -> list[str]:
        listed = self._cloud.pages("iam", "list_attached_role_policies", "AttachedPolicies", RoleName=role)
        return [each["PolicyArn"] for each in listed]


def _of_role(profile: CloudResource, role: CloudResource) -> CloudResource:
    """The profile that hangs on ``role``; what it does not say of itself, its role says."""
    return replace(
        profile,
        owner=profile.owner or role.owner,
        backend=profile.backend or role.backend,
        parent=role.id,
    )

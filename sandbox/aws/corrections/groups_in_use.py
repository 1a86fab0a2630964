"""moto deletes a security group that interfaces or other groups' rules reference; EC2 rejects this."""

from collections.abc import Iterator
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.security_groups import SecurityGroupBackend

from sandbox.aws.corrections.patches import Emulation, Patches


def apply(patches: Patches, emulation: Emulation) -> None:  # noqa: ARG001
    def make(delete: Any) -> Any:
        def checked(self: Any, vpc_id: str | None, group_id: str) -> None:
            group = self.get_security_group_from_id(group_id)
            if group is not None and group.is_default:
                raise EC2ClientError(
                    "CannotDelete",
                    f'the specified group: "{group_id}" name: "default" cannot be deleted by a user',
                )
            if group_id in _used(self, group_id):
                raise EC2ClientError("DependencyViolation", f"resource {group_id} has a dependent object")
            delete(self, vpc_id, group_id)

        return checked

    patches.wrap(SecurityGroupBackend, "_delete_security_group", make)


def _used(backend: Any, but_for: str) -> Iterator[str]:
    """Ids of the groups on interfaces, and of those referenced by rules of groups other than `but_for`."""
    for interface in backend.enis.values():
        for group in interface.group_set:
            yield group.id
    for groups in backend.groups.values():
        for group in groups.values():
            if group.id != but_for:
                for rule in (*group.ingress_rules, *group.egress_rules):
                    yield rule.source_group.get("GroupId") or ""

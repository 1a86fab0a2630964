"""moto fails with an internal error on removing a role that an instance profile lacks; IAM: NoSuchEntity."""

from typing import Any

from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend

from sandbox.aws.corrections.patches import Emulation, Patches


def apply(patches: Patches, emulation: Emulation) -> None:  # noqa: ARG001
    def make(remove: Any) -> Any:
        def checked(self: Any, profile_name: str, role_name: str) -> None:
            held = [role.name for role in self.get_instance_profile(profile_name).roles]
            if role_name not in held:
                raise NotFoundException(
                    f"The role with name {role_name} cannot be found in instance profile {profile_name}."
                )
            remove(self, profile_name, role_name)

        return checked

    patches.wrap(IAMBackend, "remove_role_from_instance_profile", make)

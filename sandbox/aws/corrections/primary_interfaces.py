"""moto keeps the network interface created with an instance; EC2 deletes it with the instance by default.

Also: an instance launched with an interface has the security groups of this interface.
"""

from typing import Any

from moto.ec2.models.instances import Instance

from sandbox.aws.cloud.lifecycle import TERMINATED
from sandbox.aws.corrections.patches import Emulation, Patches


def apply(patches: Patches, emulation: Emulation) -> None:  # noqa: ARG001
    def make(prep_nics: Any) -> Any:
        def prepare(self: Any, nic_spec: list[dict[str, Any]], *args: Any, **kwargs: Any) -> None:
            asked = {int(spec["DeviceIndex"]): dict(spec) for spec in nic_spec}
            prep_nics(self, nic_spec, *args, **kwargs)
            for index, interface in self.nics.items():
                spec = asked.get(index, {})
                if "NetworkInterfaceId" not in spec and spec.get("DeleteOnTermination") is None:
                    interface.delete_on_termination = True
            if not self.security_groups and 0 in self.nics:
                self.security_groups = list(self.nics[0].group_set)

        return prepare

    def network_interfaces(self: Any) -> list[Any]:
        return [] if self.state == TERMINATED else list(self.nics.values())

    patches.wrap(Instance, "prep_nics", make)
    patches.replace(Instance, "network_interfaces", property(network_interfaces))

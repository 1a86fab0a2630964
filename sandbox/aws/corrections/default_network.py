"""moto's default VPC leads nowhere and has no DHCP options; EC2's has both.

Its main route table has a default route to an internet gateway, and the options name the VPC's own resolver.
"""

from typing import Any

from moto.ec2.models.vpcs import VPCBackend

from sandbox.aws.corrections.patches import Emulation, Patches

_EVERYWHERE = "0.0.0.0/0"
_RESOLVER = "AmazonProvidedDNS"


def apply(patches: Patches, emulation: Emulation) -> None:  # noqa: ARG001
    def make(create_default_vpc: Any) -> Any:
        def create(self: Any) -> Any:
            vpc = create_default_vpc(self)
            gateway = self.create_internet_gateway()
            self.attach_internet_gateway(gateway.id, vpc.id)
            table = next(
                each
                for each in self.route_tables.values()
                if each.vpc_id == vpc.id and each.main_association_id
            )
            self.create_route(table.id, _EVERYWHERE, gateway_id=gateway.id)
            self.associate_dhcp_options(self.create_dhcp_options(domain_name_servers=[_RESOLVER]), vpc)
            return vpc

        return create

    patches.wrap(VPCBackend, "create_default_vpc", make)

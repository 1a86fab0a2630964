"""moto lets every instance reach the cloud; on AWS the network decides.

An instance needs a default route: one to an internet gateway serves only instances with a public address.
Without a default route it needs an endpoint for S3 in its VPC, which stands for all services here. The DNS
servers of the VPC's DHCP options must be allowed by the instance's security groups.
"""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from typing import Any

from moto.ec2.models.instances import InstanceBackend

from sandbox.aws.corrections.patches import Emulation, Patches

_DEFAULT = "0.0.0.0/0"
_NOWHERE = "255.255.255.255/32"
_DNS_PORT = 53


def apply(patches: Patches, emulation: Emulation) -> None:
    def make(run_instances: Any) -> Any:
        def launch(self: Any, *args: Any, **kwargs: Any) -> Any:
            reservation = run_instances(self, *args, **kwargs)
            for instance in reservation.instances:
                if not _reaches_the_cloud(self, instance):
                    emulation.unreachable(instance.id)
            return reservation

        return launch

    patches.wrap(InstanceBackend, "run_instances", make)


def _reaches_the_cloud(backend: Any, instance: Any) -> bool:
    interface = instance.nics[0]
    subnet = interface.subnet
    if getattr(subnet, "ipv6_native", False):
        return False
    return _has_a_way(backend, subnet, interface) and _resolves_names(backend, subnet, interface)


def _has_a_way(backend: Any, subnet: Any, interface: Any) -> bool:
    table = _table_of(backend, subnet)
    for route in table.routes:
        if route.destination_cidr_block != _DEFAULT:
            continue
        by_internet_gateway = str(route.gateway_id or "").startswith("igw-")
        return not by_internet_gateway or str(interface.public_ip_auto_assign).lower() == "true"
    return any(
        each.vpc_id == subnet.vpc_id
        and each.service_name.endswith(".s3")
        and (table.id in (each.route_table_ids or ()) or each.private_dns_enabled)
        for each in backend.vpc_end_points.values()
    )


def _table_of(backend: Any, subnet: Any) -> Any:
    tables = [each for each in backend.route_tables.values() if each.vpc_id == subnet.vpc_id]
    own = next((each for each in tables if subnet.id in each._associations.values()), None)
    return own or next(each for each in tables if each.main_association_id)


def _resolves_names(backend: Any, subnet: Any, interface: Any) -> bool:
    options = backend.get_vpc(subnet.vpc_id).dhcp_options
    servers = (options._options["domain-name-servers"] or ()) if options is not None else ()
    addresses = [each for each in servers if each[:1].isdigit()]
    rules = [rule for group in interface.group_set for rule in group.egress_rules]
    return all(_allowed(rules, address) for address in addresses)


def _allowed(rules: Iterable[Any], address: str) -> bool:
    return any(
        rule.ip_protocol in ("-1", "udp")
        and (rule.from_port is None or rule.from_port <= _DNS_PORT <= rule.to_port)
        and ip_address(address) in ip_network(rule.ip_range.get("CidrIp", _NOWHERE))
        for rule in rules
    )

from typing import Any

import pytest
from botocore.exceptions import ClientError


def make_group(cloud: Any, name: str) -> str:
    return str(cloud.ec2.create_security_group(GroupName=name, Description=name)["GroupId"])


def interfaces(cloud: Any) -> list[str]:
    return [one["NetworkInterfaceId"] for one in cloud.ec2.describe_network_interfaces()["NetworkInterfaces"]]


def test_the_primary_interface_goes_with_its_instance(cloud: Any) -> None:
    instance_id = cloud.launch()["InstanceId"]
    assert len(interfaces(cloud)) == 1
    cloud.terminate(instance_id)
    assert interfaces(cloud) == []
    assert cloud.describe(instance_id)["NetworkInterfaces"] == []


def test_an_interface_that_is_to_stay_stays(corrected: Any) -> None:
    subnet = corrected.ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    wanted = {"DeviceIndex": 0, "SubnetId": subnet, "DeleteOnTermination": False}
    zone = corrected.ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AvailabilityZone"]
    assert zone == "us-east-1a"
    instance_id = corrected.launch(NetworkInterfaces=[wanted])["InstanceId"]
    corrected.terminate(instance_id)
    assert len(interfaces(corrected)) == 1


def test_an_instance_has_the_groups_of_its_interface(cloud: Any) -> None:
    group = make_group(cloud, "job")
    subnet = cloud.ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    interface = {"DeviceIndex": 0, "SubnetId": subnet, "Groups": [group], "AssociatePublicIpAddress": True}
    found = cloud.describe(cloud.launch(NetworkInterfaces=[interface])["InstanceId"])
    assert [each["GroupId"] for each in found["SecurityGroups"]] == [group]
    assert found["PublicIpAddress"]


def test_a_group_on_an_instance_cannot_be_deleted_until_it_is_terminated(cloud: Any) -> None:
    group = make_group(cloud, "job")
    instance_id = cloud.launch(SecurityGroupIds=[group])["InstanceId"]
    cloud.after(1)
    with pytest.raises(ClientError, match="DependencyViolation"):
        cloud.ec2.delete_security_group(GroupId=group)
    cloud.ec2.terminate_instances(InstanceIds=[instance_id])
    with pytest.raises(ClientError, match="DependencyViolation"):
        cloud.ec2.delete_security_group(GroupId=group)
    cloud.after(2)
    cloud.ec2.delete_security_group(GroupId=group)


def test_a_group_that_another_group_names_cannot_be_deleted(cloud: Any) -> None:
    named, naming = make_group(cloud, "named"), make_group(cloud, "naming")
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "UserIdGroupPairs": [{"GroupId": named}]}
    cloud.ec2.authorize_security_group_ingress(GroupId=naming, IpPermissions=[rule])
    with pytest.raises(ClientError, match="DependencyViolation"):
        cloud.ec2.delete_security_group(GroupId=named)
    cloud.ec2.delete_security_group(GroupId=naming)
    cloud.ec2.delete_security_group(GroupId=named)


def test_a_default_group_cannot_be_deleted(cloud: Any) -> None:
    found = cloud.ec2.describe_security_groups(GroupNames=["default"])["SecurityGroups"][0]
    with pytest.raises(ClientError, match="CannotDelete"):
        cloud.ec2.delete_security_group(GroupId=found["GroupId"])


def default_vpc(cloud: Any) -> dict[str, Any]:
    (vpc,) = cloud.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    return dict(vpc)


def test_the_default_vpc_leads_to_an_internet_gateway(cloud: Any) -> None:
    wanted = [{"Name": "vpc-id", "Values": [default_vpc(cloud)["VpcId"]]}]
    (table,) = cloud.ec2.describe_route_tables(Filters=wanted)["RouteTables"]
    default = [each for each in table["Routes"] if each["DestinationCidrBlock"] == "0.0.0.0/0"]
    assert [each["GatewayId"][:4] for each in default] == ["igw-"]


def test_the_default_vpc_has_dhcp_options(cloud: Any) -> None:
    options = default_vpc(cloud)["DhcpOptionsId"]
    (found,) = cloud.ec2.describe_dhcp_options(DhcpOptionsIds=[options])["DhcpOptions"]
    assert found["DhcpConfigurations"] == [
        {"Key": "domain-name-servers", "Values": [{"Value": "AmazonProvidedDNS"}]}
    ]


class Network:
    """A VPC with one subnet, whose route table and DHCP options the test decides."""

    def __init__(self, cloud: Any) -> None:
        self.cloud = cloud
        self.ec2 = cloud.ec2
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnet = self.ec2.create_subnet(
            VpcId=self.vpc, CidrBlock="10.0.1.0/24", AvailabilityZone="us-east-1a"
        )["Subnet"]["SubnetId"]
        self.table = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.ec2.associate_route_table(RouteTableId=self.table, SubnetId=self.subnet)

    def route_to_internet_gateway(self) -> None:
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        self.ec2.create_route(RouteTableId=self.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)

    def route_to_nat_gateway(self) -> None:
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        nat = self.ec2.create_nat_gateway(SubnetId=self.subnet, AllocationId=address)["NatGateway"]
        self.ec2.create_route(
            RouteTableId=self.table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat["NatGatewayId"]
        )

    def resolve_by(self, *servers: str) -> None:
        configuration = {"Key": "domain-name-servers", "Values": list(servers)}
        made = self.ec2.create_dhcp_options(DhcpConfigurations=[configuration])["DhcpOptions"]
        self.ec2.associate_dhcp_options(DhcpOptionsId=made["DhcpOptionsId"], VpcId=self.vpc)

    def reaches_the_cloud(self, *, public: bool = False, groups: list[str] | None = None) -> bool:
        interface: dict[str, Any] = {
            "DeviceIndex": 0,
            "SubnetId": self.subnet,
            "AssociatePublicIpAddress": public,
            **({"Groups": groups} if groups else {}),
        }
        made = self.cloud.launch(NetworkInterfaces=[interface])["InstanceId"]
        return made not in self.cloud.unreachable


def test_without_a_route_out_an_instance_does_not_reach_the_cloud(cloud: Any) -> None:
    assert not Network(cloud).reaches_the_cloud(public=True)


def test_behind_an_internet_gateway_a_public_address_is_needed(cloud: Any) -> None:
    network = Network(cloud)
    network.route_to_internet_gateway()
    assert not network.reaches_the_cloud()
    assert network.reaches_the_cloud(public=True)


def test_behind_a_nat_gateway_none_is_needed(corrected: Any) -> None:
    network = Network(corrected)
    network.route_to_nat_gateway()
    assert network.reaches_the_cloud()


def test_an_endpoint_for_s3_replaces_a_route(corrected: Any) -> None:
    network = Network(corrected)
    corrected.ec2.create_vpc_endpoint(
        VpcId=network.vpc,
        ServiceName="com.amazonaws.us-east-1.s3",
        VpcEndpointType="Gateway",
        RouteTableIds=[network.table],
    )
    assert network.reaches_the_cloud()


def test_the_default_network_reaches_the_cloud(corrected: Any) -> None:
    assert corrected.launch()["InstanceId"] not in corrected.unreachable


def test_dns_servers_of_the_network_must_be_allowed(cloud: Any) -> None:
    network = Network(cloud)
    network.route_to_nat_gateway()
    network.resolve_by("10.0.0.9")
    group = cloud.ec2.create_security_group(GroupName="job", Description="job", VpcId=network.vpc)["GroupId"]
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    cloud.ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everything])
    assert not network.reaches_the_cloud(groups=[group])
    dns = {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "IpRanges": [{"CidrIp": "10.0.0.9/32"}]}
    cloud.ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[dns])
    assert network.reaches_the_cloud(groups=[group])

"""An in-memory cloud with the data for placement: account, network, instance types, images, prices."""

from __future__ import annotations

import copy
import json
from datetime import datetime, timezone
from typing import Any

from botocore.exceptions import ClientError

from runctl_auto.providers.aws.price_rows import MACHINE_ATTRIBUTES

ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
PRICES = {
    ("g5.xlarge", "us-east-1a"): 0.50,
    ("g5.xlarge", "us-east-1b"): 0.40,
    ("g5.xlarge", "us-east-1c"): 0.45,
    ("m7g.large", "us-east-1a"): 0.03,
    ("m7g.large", "us-east-1b"): 0.02,
}
MACHINES: dict[str, dict[str, Any]] = {
    "g5.xlarge": {
        "ProcessorInfo": {"SupportedArchitectures": ["x86_64"]},
        "GpuInfo": {"Gpus": [{"Manufacturer": "NVIDIA", "Count": 1}]},
    },
    "m7g.large": {"ProcessorInfo": {"SupportedArchitectures": ["arm64"]}},
}


def product(name: str, price: float) -> str:
    """An entry of the price list."""
    dimension = {"unit": "Hrs", "pricePerUnit": {"USD": f"{price:.10f}"}}
    return json.dumps(
        {
            "product": {
                "attributes": {"instanceType": name, "regionCode": "us-east-1", **MACHINE_ATTRIBUTES},
            },
            "terms": {"OnDemand": {"A": {"priceDimensions": {"A.1": dimension}}}},
        }
    )


def route_table(
    identity: str, *subnets: str, igw: str = "", state: str = "active", **target: str
) -> dict[str, Any]:
    """A route table with a default route to the target, if one is given; without subnets the main one."""
    targets = {**({"GatewayId": igw} if igw else {}), **target}
    default = {"DestinationCidrBlock": "0.0.0.0/0", "State": state, **targets}
    local = {"DestinationCidrBlock": "10.0.0.0/16", "State": "active", "GatewayId": "local"}
    associations = [{"SubnetId": each, "Main": False} for each in subnets] or [{"Main": True}]
    return {
        "RouteTableId": identity,
        "Associations": associations,
        "Routes": [local, *([default] if targets else [])],
    }


def endpoint(service: str, **more: Any) -> dict[str, Any]:
    """An available endpoint with private DNS."""
    name = f"com.amazonaws.us-east-1.{service}"
    return {"ServiceName": name, "State": "available", "PrivateDnsEnabled": True, **more}


class FakeEc2:
    """EC2, SSM and STS, as far as placement uses them."""

    def __init__(self) -> None:
        self.vpcs: list[dict[str, Any]] = [{"VpcId": "vpc-1", "DhcpOptionsId": "default"}]
        self.route_tables = [route_table("rtb-main", igw="igw-1")]
        self.endpoints: list[dict[str, Any]] = []
        self.resolvers: dict[str, list[str]] = {}
        self.asked: list[str] = []
        self.subnets = [
            {
                "SubnetId": f"subnet-{zone[-1]}",
                "VpcId": "vpc-1",
                "AvailabilityZone": zone,
                "DefaultForAz": True,
            }
            for zone in ZONES
        ] + [
            {
                "SubnetId": "subnet-0",
                "VpcId": "vpc-1",
                "AvailabilityZone": "us-east-1a",
                "DefaultForAz": False,
            }
        ]
        self.parameters: list[str] = []
        self.images: dict[str, dict[str, Any]] = {}
        self.prices: dict[str, float] = {}
        self.machines: dict[str, dict[str, Any]] = copy.deepcopy(MACHINES)
        self.quotas: dict[str, float] | None = None
        self.quota_requests: list[str] = []
        self.scores: dict[str, int] = {}
        self.denied: set[str] = set()

    def get_service_quota(self, ServiceCode: str, QuotaCode: str) -> Any:
        """Ample unless set; denied when set to nothing."""
        self.quota_requests.append(QuotaCode)
        if self.quotas == {}:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "GetServiceQuota")
        return {"Quota": {"Value": (self.quotas or {}).get(QuotaCode, 999.0)}}

    def get_caller_identity(self) -> Any:
        return {"Account": "123456789012", "Arn": "arn:aws-cn:iam::123456789012:user/x"}

    def describe_instance_types(self, InstanceTypes: list[str]) -> Any:
        unknown = [name for name in InstanceTypes if name not in self.machines]
        if unknown:
            raise ClientError(
                {"Error": {"Code": "InvalidInstanceType", "Message": f"not: {unknown}"}}, "Describe"
            )
        return {
            "InstanceTypes": [
                {"InstanceType": name, **self.machines[name]} for name in reversed(InstanceTypes)
            ]
        }

    def describe_vpcs(self, Filters: Any = (), VpcIds: Any = ()) -> Any:
        return {"Vpcs": [each for each in self.vpcs if not VpcIds or each["VpcId"] in VpcIds]}

    def describe_route_tables(self, Filters: Any) -> Any:
        self.asked.append("describe_route_tables")
        return {"RouteTables": self.route_tables}

    def describe_vpc_endpoints(self, Filters: Any) -> Any:
        self.asked.append("describe_vpc_endpoints")
        return {"VpcEndpoints": self.endpoints}

    def describe_dhcp_options(self, DhcpOptionsIds: list[str]) -> Any:
        (asked,) = DhcpOptionsIds
        if asked not in self.resolvers:
            refusal = {"Error": {"Code": "InvalidDhcpOptionID.NotFound", "Message": ""}}
            raise ClientError(refusal, "DescribeDhcpOptions")
        values = [{"Value": each} for each in self.resolvers[asked]]
        return {
            "DhcpOptions": [
                {
                    "DhcpConfigurations": [
                        {"Key": "domain-name", "Values": [{"Value": "corp.example"}]},
                        {"Key": "domain-name-servers", "Values": values},
                    ]
                }
            ]
        }

    def describe_images(self, ImageIds: list[str] = [], Owners: list[str] = []) -> Any:  # noqa: B006
        if Owners:
            return {"Images": [{"ImageId": "ami-own", "Name": "mine", "CreationDate": "2026-01-01"}]}
        if ImageIds[0] == "ami-00000000":
            raise ClientError({"Error": {"Code": "InvalidAMIID.NotFound", "Message": ""}}, "DescribeImages")
        return {"Images": [self.images.get(ImageIds[0], {"ImageId": ImageIds[0]})]}

    def get_products(self, Filters: list[dict[str, str]], **_: Any) -> Any:
        if not self.prices:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "GetProducts")
        asked = Filters[-1]["Value"].split(",")
        return {"PriceList": [product(name, self.prices[name]) for name in asked if name in self.prices]}

    def get_parameters_by_path(self, Path: str, MaxResults: int) -> Any:
        return {"Parameters": [{"Name": f"{Path}/there"}]}

    def describe_subnets(self, Filters: list[dict[str, Any]] = []) -> Any:  # noqa: B006
        wanted = {each["Name"]: each["Values"] for each in Filters}
        return {
            "Subnets": [
                each
                for each in self.subnets
                if each["VpcId"] in wanted.get("vpc-id", [each["VpcId"]])
                and ("subnet-id" not in wanted or each["SubnetId"] in wanted["subnet-id"])
            ]
        }

    def describe_instance_type_offerings(self, LocationType: str, Filters: Any) -> Any:
        names = Filters[0]["Values"]
        offered = [(name, zone) for name, zone in PRICES if name in names]
        return {"InstanceTypeOfferings": [{"InstanceType": n, "Location": z} for n, z in offered]}

    def get_spot_placement_scores(self, **_: Any) -> Any:
        scores = [{"AvailabilityZoneId": zone, "Score": score} for zone, score in self.scores.items()]
        return {"SpotPlacementScores": scores}

    def describe_spot_price_history(self, InstanceTypes: Any, **_: Any) -> Any:
        if "describe_spot_price_history" in self.denied:
            refusal = {"Error": {"Code": "UnauthorizedOperation", "Message": ""}}
            raise ClientError(refusal, "DescribeSpotPriceHistory")

        def entry(name: str, zone: str, price: float, hour: int) -> dict[str, Any]:
            return {
                "InstanceType": name,
                "AvailabilityZone": zone,
                "SpotPrice": str(price),
                "Timestamp": datetime(2026, 1, 1, hour, tzinfo=timezone.utc),
            }

        return {
            "SpotPriceHistory": [
                entry(name, zone, price if hour == 5 else 99.0, hour)
                for (name, zone), price in PRICES.items()
                for hour in (5, 4)
                if name in InstanceTypes
            ]
        }

    def get_parameter(self, Name: str) -> Any:
        self.parameters.append(Name)
        if Name.endswith("/missing"):
            raise ClientError({"Error": {"Code": "ParameterNotFound", "Message": ""}}, "GetParameter")
        return {"Parameter": {"Value": f"ami-{len(Name):08x}"}}

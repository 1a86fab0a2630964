from typing import Any

import pytest

from sandbox.aws.cloud.launch_zone import located
from sandbox.aws.cloud.operations import AwsCall


@pytest.mark.parametrize("parameter", ["SubnetId", "NetworkInterface.1.SubnetId"])
def test_the_zone_of_a_launch_is_that_of_its_subnet(corrected: Any, parameter: str) -> None:
    subnet = corrected.ec2.describe_subnets()["Subnets"][2]
    found = located(AwsCall("ec2", "RunInstances", {parameter: subnet["SubnetId"]}))
    assert found.parameters["AvailabilityZone"] == subnet["AvailabilityZone"]


@pytest.mark.parametrize(
    ("operation", "parameters", "zone"),
    [
        ("RunInstances", {"Placement.AvailabilityZone": "us-east-1c"}, "us-east-1c"),
        ("RunInstances", {}, None),
        ("RunInstances", {"SubnetId": "subnet-0"}, None),
        ("DescribeSubnets", {"SubnetId": "subnet-0"}, None),
    ],
)
def test_without_a_known_subnet_the_placement_counts(
    operation: str, parameters: dict[str, str], zone: str | None
) -> None:
    assert located(AwsCall("ec2", operation, parameters)).parameters.get("AvailabilityZone") == zone

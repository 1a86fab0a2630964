from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws.corrections.spot_prices import spot_price

TAGS = {"runctl:job": "digits"}


def launch(cloud: Any, **more: Any) -> tuple[str, str]:
    """A spot instance with tags: its id and its request's."""
    kinds = ("instance", "spot-instances-request")
    tags = [{"Key": key, "Value": value} for key, value in TAGS.items()]
    instance = cloud.launch_spot(
        TagSpecifications=[{"ResourceType": kind, "Tags": tags} for kind in kinds], **more
    )
    return instance["InstanceId"], instance["SpotInstanceRequestId"]


def request(cloud: Any, request_id: str) -> dict[str, Any]:
    found = cloud.ec2.describe_spot_instance_requests(SpotInstanceRequestIds=[request_id])
    return dict(found["SpotInstanceRequests"][0])


def states(cloud: Any, request_id: str) -> tuple[str, str]:
    found = request(cloud, request_id)
    return found["State"], found["Status"]["Code"]


def test_a_spot_launch_makes_a_tagged_one_time_request(cloud: Any) -> None:
    instance_id, request_id = launch(cloud)
    found = request(cloud, request_id)
    assert (found["State"], found["Status"]["Code"], found["Type"]) == ("active", "fulfilled", "one-time")
    assert found["InstanceId"] == instance_id
    assert {tag["Key"]: tag["Value"] for tag in found["Tags"]} == TAGS
    assert cloud.describe(instance_id)["InstanceLifecycle"] == "spot"


def test_requests_are_found_by_tag_and_state(cloud: Any) -> None:
    _, request_id = launch(cloud)
    filters = [
        {"Name": "tag:runctl:job", "Values": ["digits"]},
        {"Name": "state", "Values": ["open", "active", "disabled"]},
    ]
    found = cloud.ec2.describe_spot_instance_requests(Filters=filters)["SpotInstanceRequests"]
    assert [one["SpotInstanceRequestId"] for one in found] == [request_id]


def test_termination_closes_the_request(cloud: Any) -> None:
    instance_id, request_id = launch(cloud)
    cloud.after(1)
    cloud.terminate(instance_id)
    assert states(cloud, request_id) == ("closed", "instance-terminated-by-user")


def test_a_cancelled_request_stays_visible_and_its_instance_runs_on(cloud: Any) -> None:
    instance_id, request_id = launch(cloud)
    cloud.after(1)
    cloud.ec2.cancel_spot_instance_requests(SpotInstanceRequestIds=[request_id])
    assert states(cloud, request_id) == ("cancelled", "request-canceled-and-instance-running")
    assert cloud.state(instance_id) == "running"
    cloud.terminate(instance_id)
    assert states(cloud, request_id) == ("cancelled", "instance-terminated-by-user")


def test_an_interruption_gives_notice_and_then_ends_instance_and_request(cloud: Any) -> None:
    instance_id, request_id = launch(cloud)
    cloud.after(1)
    cloud.lifecycle.interrupt(instance_id, 120)
    assert states(cloud, request_id) == ("active", "marked-for-termination")
    cloud.after(119)
    assert cloud.state(instance_id) == "running"
    cloud.after(2)
    cloud.after(2)
    assert cloud.describe(instance_id)["StateReason"]["Code"] == "Server.SpotInstanceTermination"
    assert cloud.state(instance_id) == "terminated"
    assert states(cloud, request_id) == ("closed", "instance-terminated-no-capacity")


def test_a_price_below_the_market_fails_the_launch(cloud: Any) -> None:
    options = {"MarketType": "spot", "SpotOptions": {"MaxPrice": "0.0001"}}
    with pytest.raises(ClientError, match="SpotMaxPriceTooLow"):
        cloud.launch(InstanceMarketOptions=options)


def test_the_zone_of_an_interface_decides_the_price(corrected: Any) -> None:
    subnets = corrected.ec2.describe_subnets()["Subnets"]
    cheapest = min(subnets, key=lambda each: spot_price("t3.micro", each["AvailabilityZone"]))
    zone = cheapest["AvailabilityZone"]
    price = spot_price("t3.micro", zone)
    assert price < spot_price("t3.micro", "us-east-1a")
    instance = corrected.launch(
        NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": cheapest["SubnetId"]}],
        InstanceMarketOptions={"MarketType": "spot", "SpotOptions": {"MaxPrice": f"{price:.4f}"}},
    )
    assert instance["Placement"]["AvailabilityZone"] == zone


def test_a_request_below_the_market_stays_open_without_an_instance(cloud: Any) -> None:
    made = cloud.ec2.request_spot_instances(
        SpotPrice="0.0001", LaunchSpecification={"ImageId": cloud.image(), "InstanceType": "t3.micro"}
    )["SpotInstanceRequests"][0]
    assert (made["State"], made["Status"]["Code"]) == ("open", "price-too-low")
    assert "InstanceId" not in made
    cloud.ec2.cancel_spot_instance_requests(SpotInstanceRequestIds=[made["SpotInstanceRequestId"]])
    assert states(cloud, made["SpotInstanceRequestId"]) == ("cancelled", "canceled-before-fulfillment")


def test_a_request_at_the_market_gets_an_instance(cloud: Any) -> None:
    made = cloud.ec2.request_spot_instances(
        SpotPrice="0.02", LaunchSpecification={"ImageId": cloud.image(), "InstanceType": "t3.micro"}
    )["SpotInstanceRequests"][0]
    assert made["State"] == "active"
    assert cloud.state(made["InstanceId"]) == "pending"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"SpotInstanceType": "persistent"}, "UnsupportedOperation"),
        ({"InstanceInterruptionBehavior": "hibernate"}, "InvalidParameterCombination"),
    ],
)
def test_what_needs_a_persistent_request_is_refused(cloud: Any, options: dict[str, str], code: str) -> None:
    with pytest.raises(ClientError, match=code):
        cloud.launch(InstanceMarketOptions={"MarketType": "spot", "SpotOptions": options})


@pytest.mark.parametrize("call", ["describe_spot_instance_requests", "cancel_spot_instance_requests"])
def test_an_unknown_request_is_an_error(cloud: Any, call: str) -> None:
    with pytest.raises(ClientError, match=r"InvalidSpotInstanceRequestID\.NotFound"):
        getattr(cloud.ec2, call)(SpotInstanceRequestIds=["sir-00000000"])


def test_an_on_demand_launch_makes_no_request(corrected: Any) -> None:
    instance = corrected.launch()
    assert "SpotInstanceRequestId" not in instance
    assert corrected.ec2.describe_spot_instance_requests()["SpotInstanceRequests"] == []

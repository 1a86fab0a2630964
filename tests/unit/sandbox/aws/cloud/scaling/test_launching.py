"""A launch is a call of RunInstances like any other, and its answer is read as one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

import pytest

from sandbox.aws.cloud.aws_error import AwsError, render
from sandbox.aws.cloud.operations import read_call
from sandbox.aws.cloud.scaling.groups import Group
from sandbox.aws.cloud.scaling.keeper import Launch, LaunchRefused
from sandbox.aws.cloud.scaling.launching import CALLER, Launching
from sandbox.aws.cloud.scaling.pools import Pool, failure_message

PLACE = Pool("t3.micro", "subnet-1", "eu-west-1b")
MADE = """<RunInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><instancesSet><item>
<instanceId>i-1</instanceId><imageId>ami-1</imageId><instanceType>t3.micro</instanceType>
<placement><availabilityZone>eu-west-1b</availabilityZone></placement></item></instancesSet>
</RunInstancesResponse>"""


class Lock:
    """Notes whether it is held."""

    def __init__(self) -> None:
        self.is_held = False

    def __enter__(self) -> None:
        self.is_held = True

    def __exit__(self, *_: object) -> None:
        self.is_held = False


class Service:
    """Answers one call, and keeps it."""

    def __init__(self, lock: Lock, status: str = "200 OK", answer: bytes = MADE.encode()) -> None:
        self.lock, self.status, self.answer = lock, status, answer
        self.environ: dict[str, Any] = {}
        self.body = b""

    def request(self, launch: Launch, place: Pool) -> dict[str, Any]:
        assert self.lock.is_held
        return {
            "MinCount": 1,
            "MaxCount": 1,
            "InstanceType": place.instance_type,
            "LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "3"},
            "NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": place.subnet}],
        }

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        assert not self.lock.is_held, "a call may be held for long"
        self.environ = environ
        self.body = environ["wsgi.input"].read()
        start_response(self.status, [])
        return [self.answer]

    def launch(self) -> Any:
        group = Group("g", "arn", "1", "eu-west-1", 0.0, 0, 1, 1, {"NewInstancesProtectedFromScaleIn": True})
        launching = Launching(self, self, self.lock, lambda: 7.0)
        return launching(Launch(group, (PLACE,), "spot", None, is_mixed=True), PLACE)


def test_the_call_is_one_that_faults_and_points_can_name() -> None:
    service = Service(Lock())
    member = service.launch()
    call = read_call(service.environ, service.body)
    assert (call.name, service.environ["HTTP_USER_AGENT"]) == ("ec2:RunInstances", CALLER)
    assert call.parameters["InstanceType"] == "t3.micro"
    assert call.parameters["NetworkInterface.1.SubnetId"] == "subnet-1"
    assert "/eu-west-1/ec2/" in service.environ["HTTP_AUTHORIZATION"]
    assert parse_qs(service.body.decode())["LaunchTemplate.Version"] == ["3"]
    assert (member.id, member.zone, member.image, member.is_protected) == ("i-1", "eu-west-1b", "ami-1", True)
    assert member.template == {"LaunchTemplateId": "lt-1", "Version": "3"}


def test_a_refusal_keeps_its_code_and_message() -> None:
    service = Service(Lock(), "500 InsufficientInstanceCapacity")
    error = AwsError("InsufficientInstanceCapacity", "We have none.", 500)
    call = read_call({"HTTP_AUTHORIZATION": "Credential=a/b/r/ec2/aws4_request"}, b"Action=RunInstances")
    service.answer = render(error, call, "request-1")[1]
    with pytest.raises(LaunchRefused) as refused:
        service.launch()
    assert (refused.value.code, refused.value.message) == ("InsufficientInstanceCapacity", "We have none.")


@pytest.mark.parametrize(
    ("code", "mixed", "spot", "told"),
    [
        ("VcpuLimitExceeded", True, False, "Could not launch On-Demand Instances. VcpuLimitExceeded - why."),
        ("SpotMaxPriceTooLow", True, True, "Could not launch Spot Instances. SpotMaxPriceTooLow - why."),
        ("InsufficientInstanceCapacity", False, False, "why."),
    ],
)
def test_failures_are_worded_as_aws_does(code: str, mixed: bool, spot: bool, told: str) -> None:
    words = failure_message(code, "why.", is_mixed=mixed, spot=spot)
    assert words == f"{told} Launching EC2 instance failed."

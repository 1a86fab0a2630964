"""Every test with `cloud` runs twice: it must pass on corrected moto and fail on plain moto.

moto answers in this process, without a socket; time is a clock that the test moves.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.ec2.models import amis
from moto.utilities.utils import load_resource

from sandbox.aws.cloud.lifecycle import Lifecycle, Timing
from sandbox.aws.corrections.catalogue import apply_all
from sandbox.aws.corrections.eventual_consistency import Consistency
from sandbox.aws.corrections.patches import Emulation

REGION = "us-east-1"
NOW = 1_900_000_000.0
AL2023 = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@dataclass
class Cloud:
    """Clients of one emulated region, and its time."""

    clock: Clock
    lifecycle: Lifecycle
    consistency: Consistency
    unreachable: list[str] = field(default_factory=list)
    """Instances that do not reach the cloud."""
    consoles: dict[str, bytes] = field(default_factory=dict)
    """What instances have written to their consoles."""

    def client(self, service: str, region: str = REGION) -> Any:
        return _client(service, region)

    @property
    def ec2(self) -> Any:
        return self.client("ec2")

    @property
    def s3(self) -> Any:
        return self.client("s3")

    def image(self) -> str:
        return str(self.client("ssm").get_parameter(Name=AL2023)["Parameter"]["Value"])

    def launch(self, **more: Any) -> dict[str, Any]:
        asked = {"ImageId": self.image(), "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, **more}
        return dict(self.ec2.run_instances(**asked)["Instances"][0])

    def launch_spot(self, **more: Any) -> dict[str, Any]:
        return self.launch(InstanceMarketOptions={"MarketType": "spot"}, **more)

    def describe(self, instance_id: str) -> dict[str, Any]:
        found = self.ec2.describe_instances(InstanceIds=[instance_id])
        return dict(found["Reservations"][0]["Instances"][0])

    def state(self, instance_id: str) -> str:
        return str(self.describe(instance_id)["State"]["Name"])

    def after(self, seconds: float) -> None:
        """Let time pass and make what is due happen."""
        self.clock.now += seconds
        self.lifecycle.advance()

    def terminate(self, instance_id: str) -> None:
        """Terminate and wait for the end."""
        self.ec2.terminate_instances(InstanceIds=[instance_id])
        self.after(5)


@cache
def _client(service: str, region: str) -> Any:
    """Kept over the tests: making one costs more than a test."""
    return boto3.client(
        service, region_name=region, aws_access_key_id="testing", aws_secret_access_key="testing"
    )


@pytest.fixture(
    params=["corrected", pytest.param("plain", marks=pytest.mark.xfail(strict=True, reason="plain moto"))]
)
def cloud(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    yield from _cloud(monkeypatch, corrected=request.param == "corrected")


@pytest.fixture
def corrected(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """Corrected moto only: for what plain moto does by chance too."""
    yield from _cloud(monkeypatch, corrected=True)


def _only_amazon_linux_2023(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out hundreds of images, which moto makes anew for each test."""
    monkeypatch.setattr(amis, "AMIS", [])
    monkeypatch.setattr(amis, "load_resource", _amazon_linux_2023)


@cache
def _amazon_linux_2023(path: str) -> list[dict[str, Any]]:
    return [image for image in load_resource(path) if str(image["name"]).startswith("al2023-ami-2023")]


def _cloud(monkeypatch: pytest.MonkeyPatch, *, corrected: bool) -> Iterator[Cloud]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    _only_amazon_linux_2023(monkeypatch)
    clock = Clock()
    lifecycle = Lifecycle(clock, lambda: None, Timing())
    consistency = Consistency()
    unreachable: list[str] = []
    consoles: dict[str, bytes] = {}
    emulation = Emulation(
        clock,
        lifecycle,
        consistency,
        unreachable=unreachable.append,
        console=lambda instance: consoles.get(instance, b""),
    )
    patches = apply_all(emulation) if corrected else None
    try:
        with mock_aws():
            yield Cloud(clock, lifecycle, consistency, unreachable, consoles)
    finally:
        if patches is not None:
            patches.undo()

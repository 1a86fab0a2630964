"""A corrected emulator in this process, without a socket, whose lists match those of AWS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.ec2.models import amis
from moto.utilities.utils import load_resource

from runctl_auto.providers.aws.access import Cloud
from sandbox.aws.cloud.lifecycle import Lifecycle, Timing
from sandbox.aws.corrections.catalogue import apply_all
from sandbox.aws.corrections.eventual_consistency import Consistency
from sandbox.aws.corrections.patches import Emulation
from sandbox.aws.inventory import inventory

ACCOUNT = "123456789012"
REGION = "us-east-1"
NOW = 1_900_000_000.0


@dataclass
class Account:
    """One emulated account: its clients, its clock, and the calls made through ``cloud``."""

    lifecycle: Lifecycle
    calls: Counter[str] = field(default_factory=Counter)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    now: float = NOW

    def client(self, service: str, region: str = REGION) -> Any:
        return _client(service, region)

    @property
    def cloud(self) -> Cloud:
        return Cloud(lambda service, region: _Counting(self, service, region), REGION, sleep=lambda _: None)

    def after(self, seconds: float) -> None:
        self.now += seconds
        self.lifecycle.advance()

    def ids(self) -> set[str]:
        """Ids of all live resources, read from the emulator's own stores."""
        return {str(row["id"]) for rows in inventory().values() for row in rows}


class _Counting:
    def __init__(self, account: Account, service: str, region: str) -> None:
        self._account = account
        self._client = _client(service, region)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(**parameters: Any) -> Any:
            self._account.calls[name] += 1
            self._account.asked.append((name, parameters))
            if name in self._account.refused:
                from botocore.exceptions import ClientError

                raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, name)
            return method(**parameters)

        return call


@cache
def _client(service: str, region: str) -> Any:
    return boto3.client(
        service, region_name=region, aws_access_key_id="testing", aws_secret_access_key="testing"
    )


@cache
def _amazon_linux_2023(path: str) -> list[dict[str, Any]]:
    return [image for image in load_resource(path) if str(image["name"]).startswith("al2023-ami-2023")]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(amis, "AMIS", [])
    monkeypatch.setattr(amis, "load_resource", _amazon_linux_2023)
    made: list[Account] = []

    def clock() -> float:
        return made[0].now if made else NOW

    lifecycle = Lifecycle(clock, lambda: None, Timing())
    patches = apply_all(Emulation(clock, lifecycle, Consistency()))
    try:
        with mock_aws():
            made.append(Account(lifecycle))
            yield made[0]
    finally:
        patches.undo()

"""Quotas as the service tells them, asked for the way runctl does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.quotas import QuotaLimits, machine_quotas
from sandbox.aws.cloud.aws_error import AwsError
from sandbox.aws.cloud.quotas import AMPLE, NAMES, Quotas


class Client:
    def __init__(self, quotas: Quotas) -> None:
        self.quotas = quotas

    def get_service_quota(self, **asked: Any) -> Any:
        told = self.quotas.answer("GetServiceQuota", json.dumps(asked).encode())
        assert not isinstance(told, AwsError)
        return told


def cloud_with(quotas: Quotas) -> Cloud:
    return Cloud(lambda service, region: Client(quotas), "us-east-1")


def test_quotas_are_ample_until_they_are_set() -> None:
    quotas = Quotas()
    found = list(machine_quotas(cloud_with(quotas)))
    assert [each.value for each in found] == [AMPLE] * len(NAMES)
    assert [each.link.rpartition("/")[2] for each in found] == [f"{code}?region=us-east-1" for code in NAMES]
    quotas.set({"L-417A185B": 0})
    limits = QuotaLimits(cloud_with(quotas))
    too_small = limits.too_small_for("p5.48xlarge", 192, "on-demand")
    assert too_small is not None
    assert (too_small.name, too_small.value) == ("P on-demand vCPUs", 0)
    assert limits.too_small_for("p5.48xlarge", 192, "spot") is None


def test_an_unknown_code_sets_nothing() -> None:
    quotas = Quotas()
    with pytest.raises(KeyError):
        quotas.set({"L-34B43A08": 1, "L-00000000": 1})
    assert set(quotas.set({}).values()) == {AMPLE}


@pytest.mark.parametrize(
    ("operation", "body", "code"),
    [
        ("ListServiceQuotas", b"{}", "InvalidAction"),
        ("GetServiceQuota", b"[", "IllegalArgumentException"),
        ("GetServiceQuota", b"[]", "IllegalArgumentException"),
        ("GetServiceQuota", b"{}", "IllegalArgumentException"),
        ("GetServiceQuota", b'{"ServiceCode": "s3", "QuotaCode": "L-34B43A08"}', "NoSuchResourceException"),
        ("GetServiceQuota", b'{"ServiceCode": "ec2", "QuotaCode": "L-0"}', "NoSuchResourceException"),
    ],
)
def test_what_it_cannot_do_is_refused(operation: str, body: bytes, code: str) -> None:
    told = Quotas().answer(operation, body)
    assert isinstance(told, AwsError)
    assert told.code == code

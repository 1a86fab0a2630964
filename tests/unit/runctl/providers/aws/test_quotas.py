"""Which quota limits a machine, and where more is requested."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from runctl_auto.errors import AccessDeniedError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.quotas import QuotaLimits, machine_quotas
from runctl_auto.stack.config import Market


class Zero:
    """Every quota is 0."""

    def __init__(self) -> None:
        self.requests = 0

    def get_service_quota(self, ServiceCode: str, QuotaCode: str) -> Any:
        self.requests += 1
        return {"Quota": {"Value": 0.0}}


class Denied(Zero):
    def get_service_quota(self, ServiceCode: str, QuotaCode: str) -> Any:
        self.requests += 1
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "GetServiceQuota")


def cloud_of(client: Any, region: str = "us-east-1") -> Cloud:
    return Cloud(lambda service, where: client, region)


@pytest.mark.parametrize(
    ("instance_type", "market", "name"),
    [
        ("m5.large", "spot", "standard spot vCPUs"),
        ("c7i-flex.large", "on-demand", "standard on-demand vCPUs"),
        ("im4gn.large", "spot", "standard spot vCPUs"),
        ("g5.xlarge", "spot", "G and VT spot vCPUs"),
        ("gr6.4xlarge", "on-demand", "G and VT on-demand vCPUs"),
        ("g6f.large", "spot", "G and VT spot vCPUs"),
        ("p4d.24xlarge", "spot", "P2, P3 and P4 spot vCPUs"),
        ("p5en.48xlarge", "spot", "P5 spot vCPUs"),
        ("p6-b200.48xlarge", "on-demand", "P on-demand vCPUs"),
        ("p6-b200.48xlarge", "spot", None),
        ("trn1.2xlarge", "on-demand", None),
        ("inf2.xlarge", "spot", None),
        ("hpc7a.12xlarge", "on-demand", None),
        ("mac2.metal", "on-demand", None),
        ("x2idn.16xlarge", "on-demand", None),
        ("dl1.24xlarge", "on-demand", None),
        ("f2.6xlarge", "on-demand", None),
    ],
)
def test_the_quota_of_a_family(instance_type: str, market: Market, name: str | None) -> None:
    client = Zero()
    found = QuotaLimits(cloud_of(client)).too_small_for(instance_type, 2, market)
    assert (found.name if found else None) == name
    assert client.requests == (0 if name is None else 1)


def test_machines_whose_size_is_unknown_need_something() -> None:
    assert QuotaLimits(cloud_of(Zero())).too_small_for("m5.large", 0, "spot") is not None


def test_a_refusal_is_final() -> None:
    client = Denied()
    limits = QuotaLimits(cloud_of(client))
    assert limits.too_small_for("m5.large", 2, "spot") is None
    assert limits.too_small_for("p5.48xlarge", 192, "on-demand") is None
    assert client.requests == 1
    with pytest.raises(AccessDeniedError):
        list(machine_quotas(cloud_of(client)))


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "console.aws.amazon.com"),
        ("cn-north-1", "console.amazonaws.cn"),
        ("us-gov-west-1", "console.amazonaws-us-gov.com"),
    ],
)
def test_the_link_leads_to_the_console_of_the_partition(region: str, host: str) -> None:
    first = next(machine_quotas(cloud_of(Zero(), region)))
    assert first.link == f"https://{host}/servicequotas/home/services/ec2/quotas/L-34B43A08?region={region}"

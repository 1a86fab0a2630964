"""Quotas for the machines of an account in a region."""

from __future__ import annotations

from collections.abc import Iterator

from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.contract import Quota

_QUOTAS = {
    "L-34B43A08": "standard spot vCPUs",
    "L-1216C47A": "standard on-demand vCPUs",
    "L-3819A6DF": "G and VT spot vCPUs",
    "L-DB2E81BA": "G and VT on-demand vCPUs",
}


def machine_quotas(cloud: Cloud) -> Iterator[Quota]:
    """One request a quota. Raises ``AccessDeniedError`` when the caller may not read them."""
    for code, name in _QUOTAS.items():
        answer = cloud.call("service-quotas", "get_service_quota", ServiceCode="ec2", QuotaCode=code)
        yield Quota(name, float(answer["Quota"]["Value"]))

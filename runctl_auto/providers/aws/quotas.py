"""Quotas for the machines of an account in a region, in vCPUs.

Codes and families are those of EC2's page of service quotas. It has no spot quota for P6.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from runctl_auto.errors import CloudError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.contract import Quota
from runctl_auto.stack.config import Market

SERVICE = "service-quotas"
_CONSOLES = {"cn": "console.amazonaws.cn", "us-gov": "console.amazonaws-us-gov.com"}


@dataclass(frozen=True)
class _MachineQuota:
    """One quota: ``name``, and a pattern of the instance families that it limits in a market."""

    code: str
    name: str
    market: Market
    families: re.Pattern[str]


_STANDARD = re.compile(r"[acdhimrtz]\d|im\d|is\d")
_GRAPHICS = re.compile(r"(g|gr|vt)\d")
_QUOTAS = (
    _MachineQuota("L-34B43A08", "standard spot vCPUs", "spot", _STANDARD),
    _MachineQuota("L-1216C47A", "standard on-demand vCPUs", "on-demand", _STANDARD),
    _MachineQuota("L-3819A6DF", "G and VT spot vCPUs", "spot", _GRAPHICS),
    _MachineQuota("L-DB2E81BA", "G and VT on-demand vCPUs", "on-demand", _GRAPHICS),
    _MachineQuota("L-7212CCBC", "P2, P3 and P4 spot vCPUs", "spot", re.compile(r"p[234]")),
    _MachineQuota("L-C4BD4855", "P5 spot vCPUs", "spot", re.compile(r"p5")),
    _MachineQuota("L-417A185B", "P on-demand vCPUs", "on-demand", re.compile(r"p\d")),
)


def machine_quotas(cloud: Cloud) -> Iterator[Quota]:
    """One request a quota. Raises ``AccessDeniedError`` when the caller may not read them."""
    for each in _QUOTAS:
        yield _asked(cloud, each)


class QuotaLimits:
    """Whether quotas leave room for a machine at all. Each quota is requested once, when it matters.

    A quota that cannot be read limits nothing: EC2 then decides at the launch.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._known: dict[str, Quota | None] = {}

    def too_small_for(self, instance_type: str, vcpus: int, market: Market) -> Quota | None:
        """The quota that is too small for a single machine of the type; None when none is known to be."""
        for each in _QUOTAS:
            if each.market == market and each.families.match(instance_type):
                quota = self._quota(each)
                return quota if quota is not None and quota.value < max(vcpus, 1) else None
        return None

    def _quota(self, wanted: _MachineQuota) -> Quota | None:
        if wanted.code not in self._known:
            try:
                self._known[wanted.code] = _asked(self._cloud, wanted)
            except CloudError:
                # The others would not be answered either, and each would be retried.
                self._known.update(dict.fromkeys((each.code for each in _QUOTAS), None))
        return self._known[wanted.code]


def _asked(cloud: Cloud, wanted: _MachineQuota) -> Quota:
    answer = cloud.call(SERVICE, "get_service_quota", ServiceCode="ec2", QuotaCode=wanted.code)
    return Quota(wanted.name, float(answer["Quota"]["Value"]), _link(cloud.region, wanted.code))


def _link(region: str, code: str) -> str:
    """The console's page for the quota, where a larger one is requested."""
    console = next((host for name, host in _CONSOLES.items() if region.startswith(f"{name}-")), None)
    host = console or "console.aws.amazon.com"
    return f"https://{host}/servicequotas/home/services/ec2/quotas/{code}?region={region}"

"""The places that had no capacity for a run, kept in the stack's configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import ConfigDict, with_config

from runctl_auto.job_file.spec import CloudName

TITLES: Mapping[CloudName, str] = {"aws": "AWS", "runpod": "RunPod"}
"""What providers are called in texts."""
MOST_KEPT = 50
"""How many refused places a run remembers: the newest."""
MOST_OF_A_REASON = 300
"""How many characters of a reason are kept."""


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, kw_only=True)
class RefusedPlace:
    """A place where a machine could not be made. ``code`` is the cloud's, None when a policy refused the
    place; ``reason`` says it in words. ``at`` is RFC 3339 in UTC.
    """

    instance_type: str
    market: Literal["spot", "on-demand"]
    zone: str
    subnet: str
    code: str | None
    reason: str
    at: str
    provider: CloudName = "aws"

    def __str__(self) -> str:
        return f"{self.instance_type} {self.market} in {self.where}: {self.code or self.reason}"

    @property
    def where(self) -> str:
        """The zone, with its provider where that is not AWS."""
        return zone_text(self.zone, self.provider)


def zone_text(zone: str, provider: CloudName) -> str:
    """A zone in words, with its provider where that is not AWS."""
    return zone if provider == "aws" else f"{zone} ({TITLES[provider]})"


def trail_json(trail: Sequence[RefusedPlace]) -> list[dict[str, Any]]:
    """The trail as JSON data, the oldest first."""
    return [asdict(each) for each in trail]

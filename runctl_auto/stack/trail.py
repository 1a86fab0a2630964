"""The places that had no capacity for a run, kept in the stack's configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import ConfigDict, with_config

from runctl_auto.job_file.spec import CloudName
from runctl_auto.stack.place_text import place_text

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
        return f"{place_text(self)}: {self.code or self.reason}"


def trail_json(trail: Sequence[RefusedPlace]) -> list[dict[str, Any]]:
    """The trail as JSON data, the oldest first."""
    return [asdict(each) for each in trail]

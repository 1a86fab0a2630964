"""The machines of a run, as its agents recorded them in ``status.json``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class RunMachine:
    """A machine of a run. ``ended_at`` is None while it runs, and if it vanished without a word; ``seen_at``
    is the last time the agent wrote on it. ``price_hour`` is in USD, None when unknown.

    ``requests`` and ``sent_bytes`` are what its agent sent to object storage. What its system has, and these,
    are None in statuses of earlier versions.
    """

    id: str
    type: str | None
    zone: str | None
    market: str | None
    launched_at: datetime
    seen_at: datetime
    ended_at: datetime | None
    price_hour: float | None
    cpus: int | None = None
    memory_gb: float | None = None
    requests: int | None = None
    sent_bytes: int | None = None


def parse_machines(listed: Sequence[Any]) -> tuple[RunMachine, ...]:
    """The machines in order. Raises KeyError, TypeError or ValueError when one is invalid."""
    return tuple(_machine(each) for each in listed)


def _machine(data: Any) -> RunMachine:
    ended, price = data.get("ended_at"), data.get("price_hour")
    usage = data.get("usage") or {}
    return RunMachine(
        id=str(data["id"]),
        type=data.get("type"),
        zone=data.get("zone"),
        market=data.get("market"),
        launched_at=moment(data["launched_at"]),
        seen_at=moment(data["seen_at"]),
        ended_at=None if ended is None else moment(ended),
        price_hour=None if price is None else float(price),
        cpus=usage.get("cpus"),
        memory_gb=usage.get("memory_gb"),
        requests=usage.get("requests"),
        sent_bytes=usage.get("sent_bytes"),
    )


def moment(text: str) -> datetime:
    """An RFC 3339 time in UTC. Raises ValueError for anything else."""
    found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if found.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return found

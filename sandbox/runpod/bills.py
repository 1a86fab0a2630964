"""The stand-in's bills: what pods and network volumes cost, a record for each of them and each day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from sandbox.runpod.problem import Problem

_DAY = timedelta(days=1)
_DISK_HOUR = 0.1 / 730
_VOLUME_HOUR = 0.07 / 730
"""USD an hour of a GB."""


@dataclass(frozen=True)
class Use:
    """A pod or network volume, from `began` until `ended`; `price_hour` is that of the pod's GPUs or CPUs."""

    id: str
    began: datetime
    ended: datetime
    gb: int
    price_hour: float = 0.0
    is_gpu: bool = False


def window(query: Mapping[str, str], now: datetime) -> tuple[datetime, datetime]:
    """The days that a query asks for, whole ones. Raises Problem 400."""
    if query.get("bucketSize", "day") != "day" or "lastN" in query:
        raise Problem(400, "the stand-in bills by day, between startTime and endTime.")
    try:
        start = _moment(query["startTime"]) if "startTime" in query else now - 30 * _DAY
        end = _moment(query["endTime"]) if "endTime" in query else now
    except ValueError:
        raise Problem(400, "startTime and endTime are RFC 3339.") from None
    midnight = end.replace(hour=0, minute=0, second=0, microsecond=0)
    return start.replace(hour=0, minute=0, second=0, microsecond=0), midnight + (
        timedelta(0) if midnight == end else _DAY
    )


def pod_bill(uses: Iterable[Use], start: datetime, end: datetime) -> dict[str, Any]:
    """The answer for pods."""
    records = [
        {
            **bucket,
            "podId": use.id,
            "totalAmount": hours * (use.price_hour + use.gb * _DISK_HOUR),
            "gpuAmount": hours * use.price_hour if use.is_gpu else 0.0,
            "cpuAmount": 0.0 if use.is_gpu else hours * use.price_hour,
            "diskAmount": hours * use.gb * _DISK_HOUR,
        }
        for use, bucket, hours in _days(uses, start, end)
    ]
    totals = _totals(records, ("totalAmount", "gpuAmount", "cpuAmount", "diskAmount"))
    unique = {"uniquePodCount": len({each["podId"] for each in records})}
    return {"records": records, "metadata": {**_metadata(records, start, end), **unique, "totals": totals}}


def volume_bill(uses: Iterable[Use], start: datetime, end: datetime) -> dict[str, Any]:
    """The answer for network volumes."""
    records = [
        {
            **bucket,
            "networkVolumeId": use.id,
            "totalAmount": hours * use.gb * _VOLUME_HOUR,
            "standardAmount": hours * use.gb * _VOLUME_HOUR,
            "highPerformanceAmount": 0.0,
        }
        for use, bucket, hours in _days(uses, start, end)
    ]
    totals = _totals(records, ("totalAmount", "standardAmount", "highPerformanceAmount"))
    unique = {"uniqueNetworkVolumeCount": len({each["networkVolumeId"] for each in records})}
    return {"records": records, "metadata": {**_metadata(records, start, end), **unique, "totals": totals}}


def _days(uses: Iterable[Use], start: datetime, end: datetime) -> Iterator[tuple[Use, dict[str, str], float]]:
    """Each use with each day that it was there, and for how many hours of it."""
    for use in uses:
        day = max(start, use.began.replace(hour=0, minute=0, second=0, microsecond=0))
        while day < min(end, use.ended):
            hours = (min(use.ended, day + _DAY) - max(use.began, day)).total_seconds() / 3600
            yield use, {"startTime": _text(day), "endTime": _text(day + _DAY)}, hours
            day += _DAY


def _metadata(records: list[dict[str, Any]], start: datetime, end: datetime) -> dict[str, Any]:
    query = {"startTime": _text(start), "endTime": _text(end), "bucketSize": "day"}
    return {"query": query, "recordCount": len(records)}


def _totals(records: list[dict[str, Any]], names: Iterable[str]) -> dict[str, float]:
    return {name: sum(each[name] for each in records) for name in names}


def _moment(told: str) -> datetime:
    return datetime.fromisoformat(told.replace("Z", "+00:00")).astimezone(timezone.utc)


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")

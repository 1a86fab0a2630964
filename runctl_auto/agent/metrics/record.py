"""What a training says at one moment: values by name, and how far it is."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from runctl_auto.agent.metrics.document import MOST_NAME

MOST_VALUES = 100
"""Values of one record."""
STEP_NAMES = ("global_step", "step", "steps", "iteration", "iter", "it", "update", "batch", "round", "_step")
EPOCH_NAMES = ("epoch", "epochs")
_TIME_NAMES = frozenset({"time", "timestamp", "wall_time", "_timestamp", "_runtime"})
_MOST_COUNT = 2.0**53
_NOT_SHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff]")


@dataclass(frozen=True)
class Record:
    """Values by name. ``counter`` counts within an epoch where its epochs begin anew; ``total`` is how far it
    goes. ``clock`` names what counts; ``at`` is in seconds since the epoch, None: when it was read.
    """

    values: Mapping[str, float]
    counter: float | None = None
    total: float | None = None
    epoch: float | None = None
    clock: str = "step"
    at: float | None = None
    absolute: bool = False
    """Whether the counter certainly counts from the beginning of the training."""


def record_of(members: Mapping[str, object], *, at: float | None = None) -> Record | None:
    """The record that an object of a metrics file or a line is; None when it holds no value.

    An object of ``name`` and ``value`` is one value; objects in it become names with a slash.
    """
    found = dict(_flat(members))
    name, value = members.get("name"), members.get("value")
    if isinstance(name, str) and is_number(value):
        named = {key: each for key, each in found.items() if key != "value"}
        found = {clean_name(name): float(value), **_positions(named)}  # type: ignore[arg-type]
    counter, counts = _first(found, STEP_NAMES)
    epoch, _ = _first(found, EPOCH_NAMES)
    told = next((found[each] for each in _TIME_NAMES if each in found), None)
    values = {
        key: each
        for key, each in found.items()
        if key and key not in STEP_NAMES and key not in EPOCH_NAMES and key not in _TIME_NAMES
    }
    if not values:
        return None
    return Record(
        values,
        counter=counter,
        epoch=epoch,
        clock=counts or "step",
        at=at if at is not None else told if told is not None and 1e9 < told < 1e10 else None,
        absolute=counts in ("global_step", "_step"),
    )


def is_number(value: object) -> bool:
    """Whether it is a number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return isinstance(value, float) or abs(value) < 2**1023


def count_of(value: float | None) -> float | None:
    """A step or epoch that can be one; None for any other number."""
    if value is None or not math.isfinite(value) or not 0 <= value <= _MOST_COUNT:
        return None
    return value


def clean_name(name: str) -> str:
    """A name without what no one sees, at most ``MOST_NAME`` characters."""
    return " ".join(_NOT_SHOWN.sub("", name[: 4 * MOST_NAME]).split())[:MOST_NAME]


def _positions(found: Mapping[str, float]) -> dict[str, float]:
    known = (*STEP_NAMES, *EPOCH_NAMES, *_TIME_NAMES)
    return {key: each for key, each in found.items() if key in known}


def _flat(members: Mapping[str, object], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, float]]:
    for count, (key, value) in enumerate(members.items()):
        if count >= MOST_VALUES:
            return
        name = clean_name(f"{prefix}{key}")
        if is_number(value):
            yield name, float(value)  # type: ignore[arg-type]
        elif isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity"):
            yield name, float(value.lower())
        elif isinstance(value, dict) and depth < 2:
            yield from _flat(value, f"{name}/", depth + 1)


def _first(found: Mapping[str, float], names: tuple[str, ...]) -> tuple[float | None, str | None]:
    for name in names:
        count = count_of(found.get(name))
        if count is not None:
            return count, name
    return None, None

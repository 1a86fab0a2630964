"""The text format of Prometheus, version 0.0.4."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from runctl_auto.local.plain_text import plain_text

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MOST_LABEL = 200
"""Characters of a label's value: what is longer is cut."""
Kind = Literal["gauge", "counter", "histogram"]
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


@dataclass(frozen=True)
class Sample:
    """A value and its labels. ``suffix`` ends the name, as of the parts of a histogram."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""


@dataclass(frozen=True)
class Family:
    """A metric: its name, kind, what it means, and its samples."""

    name: str
    kind: Kind
    help: str
    samples: Sequence[Sample]

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is not the name of a metric")


class Histogram:
    """Counts values by buckets; ``labels`` tell apart what is counted."""

    def __init__(self, name: str, meaning: str, bounds: Sequence[float]) -> None:
        self._name = name
        self._meaning = meaning
        self._bounds = sorted(bounds)
        self._counts: dict[tuple[tuple[str, str], ...], list[int]] = {}
        self._sums: dict[tuple[tuple[str, str], ...], float] = {}

    def add(self, value: float, **labels: str) -> None:
        key = tuple(sorted(labels.items()))
        counts = self._counts.setdefault(key, [0] * (len(self._bounds) + 1))
        counts[bisect_left(self._bounds, value)] += 1
        self._sums[key] = self._sums.get(key, 0.0) + value

    def family(self) -> Family:
        return Family(self._name, "histogram", self._meaning, list(self._samples()))

    def _samples(self) -> Iterator[Sample]:
        for key, counts in list(self._counts.items()):
            labels, total = dict(key), 0
            for bound, count in zip((*self._bounds, math.inf), counts, strict=True):
                total += count
                yield Sample(total, {**labels, "le": number(bound)}, "_bucket")
            yield Sample(self._sums[key], labels, "_sum")
            yield Sample(total, labels, "_count")


def exposition(families: Iterable[Family]) -> str:
    """The text of all families that have samples. Two samples with the same labels are one, the first."""
    return "".join(line for each in families if each.samples for line in _lines(each))


def number(value: float) -> str:
    """A value as Prometheus reads it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(int(value)) if value == int(value) and abs(value) < 2**53 else repr(float(value))


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {_escaped(family.help, quotes=False)}\n"
    yield f"# TYPE {family.name} {family.kind}\n"
    seen = set()
    for each in family.samples:
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in each.labels.items())
        place = f"{family.name}{each.suffix}" + (f"{{{labels}}}" if labels else "")
        if place not in seen:
            seen.add(place)
            yield f"{place} {number(each.value)}\n"


def _escaped(text: str, *, quotes: bool = True) -> str:
    """A label's value: without control characters, on one line, of limited length."""
    plain = " ".join(plain_text(text[:MOST_LABEL]).split()).replace("\\", "\\\\")
    return plain.replace('"', '\\"') if quotes else plain

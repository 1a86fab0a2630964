"""Quantities as people write them in a job file: sizes, durations, ranges, prices.

Each parser takes what YAML gave and returns the canonical value (whole GB, whole seconds), which it also
accepts, so that a dumped job reads back the same. A wrong value raises ``ValueError`` with what is wrong.
"""

from __future__ import annotations

import math
import re

_SIZE = re.compile(r"(\d{1,9})\s*(GB|GiB|G|TB|TiB|T)", re.IGNORECASE)
_DURATION = re.compile(r"(?:(\d{1,9})d)?\s*(?:(\d{1,9})h)?\s*(?:(\d{1,9})m)?\s*(?:(\d{1,9})s)?")
_RANGE = re.compile(r"(?P<low>[^.\s]+)?\s*\.\.\s*(?P<high>[^.\s]+)?")

SIZE_FORM = "a size in whole GB or TB, such as 100GB or 2TB"
DURATION_FORM = "a duration in days, hours, minutes, seconds, such as 90s, 12h or 1h30m"
PRICE_FORM = "a number above 0, in USD"

_SECONDS = (86_400, 3_600, 60, 1)


def parse_size_gb(value: object) -> int:
    """Whole GB from ``100GB``, ``2TB`` or a plain number of GB."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("is not a size")  # noqa: TRY004  pydantic reports a ValueError, not a TypeError
    if isinstance(value, int):
        gigabytes = value
    else:
        match = _SIZE.fullmatch(value.strip())
        if match is None:
            raise ValueError("is not a size")
        gigabytes = int(match[1]) * (1024 if match[2][0] in "tT" else 1)
    if gigabytes < 1:
        raise ValueError("is less than 1 GB")
    return gigabytes


def parse_duration_seconds(value: object) -> int:
    """Whole seconds from ``12h``, ``1h30m`` or a plain number of seconds."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("is not a duration")  # noqa: TRY004
    if isinstance(value, int):
        seconds = value
    else:
        text = value.strip().lower()
        match = _DURATION.fullmatch(text)
        if match is None or not text:
            raise ValueError("is not a duration")
        seconds = sum(int(part or 0) * unit for part, unit in zip(match.groups(), _SECONDS, strict=True))
    if seconds < 1:
        raise ValueError("is less than a second")
    return seconds


def parse_price(value: object) -> float:
    """A finite number of USD above zero; a number in quotes is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("is not a number")  # noqa: TRY004
    if not math.isfinite(value) or value <= 0:
        raise ValueError("is not above 0")
    return float(value)


def split_range(value: object) -> tuple[object | None, object | None]:
    """The two ends of ``4..8``, ``4..``, ``..8`` or of a single value, which means exactly that value."""
    if isinstance(value, str) and ".." in value:
        match = _RANGE.fullmatch(value.strip())
        if match is None or not any(match.groups()):
            raise ValueError("is not a range")
        return match["low"], match["high"]
    return value, value


def parse_count(value: object) -> int:
    """A whole number above zero, also as the text that an end of a range is."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 7:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("is not a whole number")  # noqa: TRY004
    if value < 1:
        raise ValueError("is less than 1")
    return value

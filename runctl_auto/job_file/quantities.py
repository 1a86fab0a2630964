"""Parses quantities of a job file: sizes, durations, ranges, prices.

Each parser takes the YAML value and returns the canonical value (whole GB, whole seconds), which it also
accepts, so that a dumped job reads back the same. A wrong value raises ``ValueError`` with the reason.
"""

from __future__ import annotations

import math
import re

COUNT_PATTERN = "[1-9][0-9]{0,5}"
SIZE_PATTERN = r"\s*[0-9]{1,6}\s*([gG]([iI]?[bB])?|[tT]([iI]?[bB])?)\s*"
DURATION_PATTERN = r"\s*([0-9]{1,9}[dD])?\s*([0-9]{1,9}[hH])?\s*([0-9]{1,9}[mM])?\s*([0-9]{1,9}[sS])?\s*"

_COUNT = re.compile(COUNT_PATTERN)
_SIZE = re.compile(SIZE_PATTERN)
_DURATION = re.compile(DURATION_PATTERN)
_BYTES = re.compile(r"\s*([0-9]{1,12}(?:\.[0-9]{1,6})?)\s*([kKmMgGtT])?(i)?[bB]?\s*")
_MOST_BYTES = 10**15
_RANGE = re.compile(r"(?P<low>[^.\s]+)?\s*\.\.\s*(?P<high>[^.\s]+)?")
_AND_MORE = re.compile(r"(?P<low>[0-9]{1,6})\s*\+")

SIZE_FORM = "a size in whole GB or TB, such as 100GB or 2TB"
DURATION_FORM = "a duration in days, hours, minutes, seconds, such as 90s, 12h or 1h30m"
PRICE_FORM = "a number above 0, in USD"

_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_LARGEST_SIZE_GB = 64 * 1024
_LONGEST_SECONDS = 366 * 86_400


def parse_size_gb(value: object) -> int:
    """Whole GB from ``100GB``, ``2TB`` or a plain number of GB."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("is not a size")  # noqa: TRY004  pydantic reports a ValueError, not a TypeError
    if isinstance(value, int):
        gigabytes = value
    else:
        match = _SIZE.fullmatch(value)
        if match is None:
            raise ValueError("is a number without its unit" if value.strip().isdigit() else "is not a size")
        number = re.sub(r"\D", "", value)
        gigabytes = int(number) * (1024 if match[1][0] in "tT" else 1)
    if gigabytes < 1:
        raise ValueError("is less than 1 GB")
    if gigabytes > _LARGEST_SIZE_GB:
        raise ValueError("is more than 64 TB")
    return gigabytes


def parse_bytes(value: object) -> int:
    """Bytes from ``800kB``, ``50GB``, ``1.5TB`` (powers of 1000) or ``50GiB``."""
    match = _BYTES.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("is not a size such as 50GB")
    power = " kmgt".index((match[2] or " ").lower())
    found = int(float(match[1]) * (1024 if match[3] else 1000) ** power)
    if not 1 <= found <= _MOST_BYTES:
        raise ValueError("is not a size between a byte and 1000 TB")
    return found


def parse_duration_seconds(value: object) -> int:
    """Whole seconds from ``12h``, ``1h30m`` or a plain number of seconds."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("is not a duration")  # noqa: TRY004
    if isinstance(value, int):
        seconds = value
    else:
        match = _DURATION.fullmatch(value)
        if match is None or not value.strip():
            bare = value.strip().isdigit()
            raise ValueError("is a number without its unit" if bare else "is not a duration")
        seconds = sum(int(part[:-1]) * _SECONDS[part[-1].lower()] for part in match.groups() if part)
    if seconds < 1:
        raise ValueError("is less than a second")
    if seconds > _LONGEST_SECONDS:
        raise ValueError("is more than a year")
    return seconds


def parse_limit_seconds(value: object) -> int | None:
    """As ``parse_duration_seconds``; None from ``off`` (a truth value to YAML), which means no limit."""
    if value is None or value is False or (isinstance(value, str) and value.strip().lower() == "off"):
        return None
    return parse_duration_seconds(value)


def parse_price(value: object) -> float:
    """A finite number of USD above zero; a quoted number is rejected."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("is not a number")  # noqa: TRY004
    if not math.isfinite(value):
        raise ValueError("is not a finite number")
    if value <= 0:
        raise ValueError("is not above 0")
    return float(value)


def split_range(value: object) -> tuple[object | None, object | None]:
    """The two ends of ``4..8``, ``4..``, ``4+``, ``..8`` or of a single value, which means exactly that."""
    if isinstance(value, str) and (more := _AND_MORE.fullmatch(value.strip())):
        return int(more["low"]), None
    if isinstance(value, str) and ".." in value:
        match = _RANGE.fullmatch(value.strip())
        if match is None or not any(match.groups()):
            raise ValueError("is not a range")
        return match["low"], match["high"]
    return value, value


def parse_whole_number(value: object) -> int:
    """A whole number above zero, not a text."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("is not a whole number")  # noqa: TRY004
    if value < 1:
        raise ValueError("is less than 1")
    return value


def parse_count(value: object) -> int:
    """A whole number above zero, also as text, as in a range."""
    if isinstance(value, str) and _COUNT.fullmatch(value):
        value = int(value)
    return parse_whole_number(value)

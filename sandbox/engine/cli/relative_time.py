"""Times as people read them: `now`, `3 minutes ago`."""

from __future__ import annotations

from datetime import datetime, timezone

_STEPS = (
    (60, 1, "second"),
    (3600, 60, "minute"),
    (86400, 3600, "hour"),
    (7 * 86400, 86400, "day"),
    (30 * 86400, 7 * 86400, "week"),
    (365 * 86400, 30 * 86400, "month"),
    (float("inf"), 365 * 86400, "year"),
)


def parse_time(text: str) -> datetime:
    """An RFC 3339 time with any number of digits in its fraction."""
    head, dot, tail = text.replace("Z", "+00:00").partition(".")
    if not dot:
        return datetime.fromisoformat(head)
    digits = tail[: len(tail) - len(tail.lstrip("0123456789"))]
    return datetime.fromisoformat(f"{head}.{digits[:6]:0<6}{tail[len(digits) :]}")


def ago(then: datetime, now: datetime | None = None) -> str:
    """How long ago `then` was."""
    seconds = int(((now or datetime.now(timezone.utc)) - then).total_seconds())
    if seconds < 1:
        return "now"
    for limit, unit, name in _STEPS:
        if seconds < limit:
            count = seconds // unit
            return f"{count} {name}{'' if count == 1 else 's'} ago"
    raise AssertionError("unreachable")


def milliseconds(text: str) -> str:
    """An RFC 3339 time in UTC with three digits in its fraction."""
    time = parse_time(text).astimezone(timezone.utc)
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"

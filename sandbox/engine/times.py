"""Times as Pulumi writes them."""

from __future__ import annotations

import time
from datetime import datetime, timezone


def now_text() -> str:
    """The present time, RFC 3339 in UTC."""
    return time_text(time.time_ns())


def time_text(nanoseconds: int) -> str:
    """A time in nanoseconds since 1970, RFC 3339 in UTC, its fraction without zeros at the end."""
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    date = datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{date}.{fraction:09d}".rstrip("0").rstrip(".") + "Z"

"""A line of runctl's own log as an object, for programs that collect logs: ``--log-format json``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from runctl_auto.agent.tracing import spans
from runctl_auto.local import correlation


def _now() -> datetime:
    return datetime.now(timezone.utc)


def log_record(level: str, message: str, now: Callable[[], datetime] = _now) -> dict[str, Any]:
    """``time`` (RFC 3339, UTC), ``level`` (info, warning, error), ``message``; where they are known, ``job``
    and ``run`` that it is about, and ``trace_id`` and ``span_id`` of a traced command.
    """
    found = spans.current()
    place = {} if found is None else {"trace_id": found.trace, "span_id": found.span}
    moment = now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "time": moment,
        "level": level,
        "message": message.strip(),
        **correlation.subject(),
        **place,
    }

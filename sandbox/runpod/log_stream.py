"""A pod's log as server-sent events.

The sandbox keeps no times of lines: their events have times of their own, in order, a millisecond apart, from
the pod's creation on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

TAIL = 100
MOST_TAIL = 5000


def events(
    console: bytes, created_at: str, *, tail: int = TAIL, after: str | None = None, skip: int = 0
) -> Iterator[bytes]:
    """One event for each whole line: the last `tail` ones, or those after the event `after`, or after the
    first `skip` lines."""
    lines = console.decode(errors="replace").split("\n")[:-1]
    began = datetime.fromisoformat(created_at.replace("Z", "+00:00"))
    numbered = [(_time(began, number), line) for number, line in enumerate(lines)]
    if skip:
        chosen = numbered[skip:]
    elif after is not None:
        chosen = [each for each in numbered if each[0] > after]
    else:
        chosen = numbered[len(numbered) - min(tail, len(numbered)) :]
    for at, line in chosen:
        data = json.dumps({"source": "container", "line": line, "ts": at})
        yield f"id: {at}\ndata: {data}\n\n".encode()


def count_lines(console: bytes) -> int:
    return console.count(b"\n")


def _time(began: datetime, number: int) -> str:
    moment = began + timedelta(milliseconds=number)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

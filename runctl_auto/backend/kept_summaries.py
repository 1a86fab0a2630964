"""What checkpoints told of their stacks, kept from one list to the next: most have not changed since.

Kept in memory by programs that look again and again, in a text from one command to the next.

For what is shown only. Nothing is decided by it, so that a kept summary that is wrong does no harm.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, Protocol

from runctl_auto.backend.checkpoints import StackSummary
from runctl_auto.backend.files import StoredFile

FORMAT = 1
SETTLED = timedelta(seconds=60)
"""A file that was written later than this before it was read may be written again with the same time: object
stores tell it in seconds, and their clock is another."""
_LONGEST = 64
"""Characters of a time."""


class KeptSummaries(Protocol):
    """What is known of stacks whose checkpoints have not changed."""

    def find(self, stack: str, file: StoredFile) -> StackSummary | None:
        """The summary of a stack whose checkpoint is ``file``; ``busy`` is that of the time it was kept."""

    def keep(self, file: StoredFile, summary: StackSummary) -> None:
        """Keeps what ``file`` told."""


class NothingKept:
    """Reads every checkpoint."""

    def find(self, stack: str, file: StoredFile) -> StackSummary | None:  # noqa: ARG002
        return None

    def keep(self, file: StoredFile, summary: StackSummary) -> None:
        pass


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


class SummariesInMemory:
    """The summaries of checkpoints that have not been written since they were read."""

    def __init__(self, now: Callable[[], datetime] = _utc_now) -> None:
        self._now = now
        self._kept: dict[str, tuple[StoredFile, StackSummary]] = {}

    def find(self, stack: str, file: StoredFile) -> StackSummary | None:  # noqa: ARG002
        known, found = self._kept.get(file.path, (None, None))
        return found if known is not None and (known, known.mark) == (file, file.mark) else None

    def keep(self, file: StoredFile, summary: StackSummary) -> None:
        """Keeps it if the file is old enough."""
        if file.written_at < self._now() - SETTLED:
            self._kept[file.path] = file, summary


class SummariesInText:
    """The summaries in ``text``, which may hold anything. ``text()`` gives those of the checkpoints that were
    asked for since; ``changed``: whether they are others.
    """

    def __init__(self, text: str | None) -> None:
        self._before = _entries(text)
        self._now: dict[str, list[Any]] = {}

    def find(self, stack: str, file: StoredFile) -> StackSummary | None:
        entry = self._before.get(file.path)
        found = _summary(stack, entry) if entry and file.mark and entry[0] == file.mark else None
        if found is not None and entry is not None:
            self._now[file.path] = entry
        return found

    def keep(self, file: StoredFile, summary: StackSummary) -> None:
        if file.mark:
            told = [summary.resources, summary.updated_at, summary.made_at]
            self._now[file.path] = [file.mark, *told]

    @property
    def changed(self) -> bool:
        return self._now != self._before

    def text(self) -> str:
        return json.dumps({"format": FORMAT, "summaries": self._now}, separators=(",", ":"))


def _entries(text: str | None) -> dict[str, list[Any]]:
    try:
        content: Any = json.loads(text or "{}")
        found = content["summaries"] if content.get("format") == FORMAT else {}
        return {path: entry for path, entry in found.items() if isinstance(entry, list)}
    except (ValueError, KeyError, AttributeError, RecursionError):
        return {}


def _summary(stack: str, entry: list[Any]) -> StackSummary | None:
    """None for what no checkpoint could have told."""
    if len(entry) != 4:
        return None
    _, resources, updated_at, made_at = entry
    if not (_is_time(updated_at) and (made_at is None or _is_time(made_at))):
        return None
    if resources is not None and not (type(resources) is int and resources >= 0):
        return None
    return StackSummary(stack, resources, updated_at, busy=False, made_at=made_at)


def _is_time(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST and value.isascii() and value.isprintable()

"""Notices as they are sent from where runctl runs, and what became of those of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from runctl_auto.agent.notices.notice_contract import notices_prefix, watchers_prefix
from runctl_auto.agent.notices.notice_marks import MOST_MARK_BYTES, Told, read_mark
from runctl_auto.agent.store.store import ReadableStore
from runctl_auto.backend.versions import VersionedFiles

MOST_READ = 50
"""So many marks of a run are read; the machine can write more."""


@dataclass
class BackendMarks:
    """Marks in the backend, for notices that belong to no run: a place for ``agent.notice_marks``."""

    files: VersionedFiles
    _versions: dict[str, str] = field(default_factory=dict)

    def find(self, key: str, at_most: int) -> bytes | None:
        found = self.files.read_version(key)
        return None if found is None else found.content[: at_most + 1]

    def put_new(self, key: str, data: bytes) -> bool:
        version = self.files.write_version(key, data, None)
        if version is not None:
            self._versions[key] = version
        return version is not None

    def put(self, key: str, data: bytes, content_type: str = "") -> None:  # noqa: ARG002 (files have none)
        """Writes over a mark that ``put_new`` made."""
        self.files.write_version(key, data, self._versions[key])


@dataclass(frozen=True)
class SentNotice:
    """A notice of a run: ``outcome`` is that of its last sender."""

    channel: str
    notice: str
    told: Told

    def as_json(self) -> dict[str, Any]:
        return {
            "notice": self.notice,
            "channel": self.channel,
            "outcome": self.told.outcome,
            "at": self.told.at or None,
            "by": self.told.by or None,
            "why": self.told.why or None,
        }


def notices_of(store: ReadableStore, run: str) -> tuple[SentNotice, ...]:
    """The notices of a run that somebody has sent or tried to send, in order of their time. Blocks."""
    found: dict[tuple[str, str], SentNotice] = {}
    for prefix in (notices_prefix(run), watchers_prefix(run)):
        for key in sorted(store.object_sizes(prefix))[:MOST_READ]:
            name = _parts(key, prefix)
            content = None if name is None else store.find(key, MOST_MARK_BYTES + 1)
            if name is not None and content is not None:  # numbers in order: the last one counts
                found[name] = SentNotice(*name, told=read_mark(key, content))
    return tuple(sorted(found.values(), key=lambda each: (each.told.at, each.notice, each.channel)))


def _parts(key: str, prefix: str) -> tuple[str, str] | None:
    names = key[len(prefix) :].split("/")
    return (names[0], names[1]) if len(names) == 3 else None

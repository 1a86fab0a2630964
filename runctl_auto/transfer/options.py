"""How a transfer is made, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from runctl_auto.transfer.entries import Untransferable
from runctl_auto.transfer.meter import Progress
from runctl_auto.transfer.selection import EVERYTHING, Selection
from runctl_auto.transfer.small_files import SMALL_BYTES
from runctl_auto.transfer.workers import PART_BYTES

AT_ONCE = 16
"""Connections. More gain nothing on a local server, and 16 reach about 10 Gbit/s from S3."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to transfer. ``report`` hears of the progress about every ``report_seconds``.

    ``confirm_deletion`` is asked with the number of files before any is deleted; a refusal raises.
    """

    selection: Selection = EVERYTHING
    delete: bool = False
    dry_run: bool = False
    compress: bool = False
    bandwidth: int | None = None
    at_once: int = AT_ONCE
    part_bytes: int = PART_BYTES
    small_bytes: int = SMALL_BYTES
    report: Callable[[Progress], None] | None = None
    report_seconds: float = 1.0
    confirm_deletion: Callable[[int], None] = lambda _: None

    @property
    def small_at_once(self) -> int:
        """Connections for small files: one waits for an answer most of the time."""
        return 4 * self.at_once


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What was moved; with ``dry_run``, what would be. ``bytes`` are those of files, ``sent_bytes`` of
    bodies.

    ``unverified``: fetched files whose objects have no checksum of the whole.
    """

    files: int
    bytes: int
    same: int
    moved: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    not_transferable: tuple[Untransferable, ...] = ()
    unverified: tuple[str, ...] = ()
    sent_bytes: int = 0
    dry_run: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "files": self.files,
            "bytes": self.bytes,
            "same": self.same,
            "deleted": len(self.deleted),
            "sent_bytes": self.sent_bytes,
            "not_transferable": [{"path": each.path, "why": each.why} for each in self.not_transferable],
            "unverified": len(self.unverified),
            "dry_run": self.dry_run,
            "would_move": list(self.moved),
            "would_delete": list(self.deleted) if self.dry_run else [],
        }


def planned(
    paths: Sequence[str], total: int, same: int, excess: Sequence[str], problems: Sequence[Untransferable]
) -> Outcome:
    return Outcome(
        files=len(paths),
        bytes=total,
        same=same,
        moved=tuple(paths),
        deleted=tuple(excess),
        not_transferable=tuple(problems),
        dry_run=True,
    )

"""Uploads that killed commands left in a bucket: ended when nothing can continue them, else told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from runctl_auto.errors import RunctlError
from runctl_auto.providers.objects import ObjectData
from runctl_auto.transfer.journal import Journal, open_journal

_MARGIN_NS = 5 * 10**9
"""Two clocks of one service may differ by so much."""


def end_unusable(journals: Path, data: ObjectData, open_bucket: Callable[[str], ObjectData]) -> Iterator[str]:
    """Ends the uploads to this bucket whose file is gone or another by now, and forgets those that have
    ended; a line that tells of the others. ``open_bucket`` gives a bucket that objects are copied from.

    Skips what another command is sending. Blocks; two requests for each upload.
    """
    left = 0
    for path in sorted(journals.glob("*.upload")):
        try:
            journal = open_journal(path)
        except RunctlError:
            continue
        try:
            if journal.facts.get("place") != data.place:
                continue
            if _can_be_continued(journal, open_bucket) and not _has_ended(data, journal):
                left += 1
                continue
            if journal.upload is None:
                end_unnamed(data, str(journal.facts["key"]), int(journal.facts.get("at_ns", 0)))
            else:
                data.abort(str(journal.facts["key"]), journal.upload)
            path.with_suffix(".zst").unlink(missing_ok=True)
            journal.remove()
        finally:
            journal.close()
    if left:
        yield f"{left} uploads of stopped commands are unfinished; the same command continues each"


def _has_ended(data: ObjectData, journal: Journal) -> bool:
    """Whether the upload became the object just before the command was killed, or was aborted by somebody."""
    return journal.upload is not None and data.parts(str(journal.facts["key"]), journal.upload) is None


def end_unnamed(data: ObjectData, key: str, since_ns: int) -> None:
    """Ends uploads of this object that were begun since then without any part: their ids reached nobody."""
    for each in data.unfinished(key):
        is_own = each.key == key and each.begun_ns >= since_ns - _MARGIN_NS
        if is_own and not data.parts(key, each.upload):
            data.abort(key, each.upload)


def _can_be_continued(journal: Journal, open_bucket: Callable[[str], ObjectData]) -> bool:
    facts = journal.facts
    if isinstance(source := facts.get("copy_of"), dict):
        there = open_bucket(str(source.get("bucket"))).facts(str(source.get("key")))
        return there is not None and there.etag == source.get("etag")
    try:
        found = Path(str(facts["source"])).stat()
    except OSError:
        return False
    return (found.st_size, found.st_mtime_ns, found.st_ino) == (
        facts.get("size"),
        facts.get("mtime_ns"),
        facts.get("inode"),
    )

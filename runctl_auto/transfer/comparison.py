"""What has to be moved: which files of the source the destination has already, and what it has in excess."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from runctl_auto.providers.objects import ObjectFacts
from runctl_auto.transfer.compression import original_of
from runctl_auto.transfer.entries import LocalEntry, RemoteEntry, attributes_of

_SECOND = 10**9

FactsOf = Callable[[Sequence[RemoteEntry]], Mapping[str, "ObjectFacts | None"]]
"""The facts of objects by key, asked for at once."""


@dataclass(frozen=True, kw_only=True)
class Uploads:
    """The entries to send and how many are there already; ``excess`` are paths of objects that the source has
    not."""

    send: tuple[LocalEntry, ...]
    same: int
    excess: tuple[RemoteEntry, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Downloads:
    """The entries to fetch and how many are there already; ``excess`` are paths of files that the source has
    not."""

    fetch: tuple[RemoteEntry, ...]
    same: int
    excess: tuple[str, ...] = ()


def compare_for_upload(
    source: Mapping[str, LocalEntry],
    there: Mapping[str, RemoteEntry],
    *,
    offset_ns: int,
    compress: bool,
    facts_of: FactsOf,
) -> Uploads:
    """What to send. An object is the same if its size is that of the file and it was written after the last
    change of the file; ``offset_ns`` is the store's clock minus that of this machine.

    Where that does not tell, because the two happened close together or files are compressed on their way,
    the object's metadata are asked for: they have to state the file's size, time and mode.
    """
    send: list[LocalEntry] = []
    asked: list[tuple[LocalEntry, RemoteEntry]] = []
    same = 0
    for path in sorted(source):
        entry, known = source[path], there.get(path)
        if known is None or _kind_differs(entry, known):
            send.append(entry)
        elif known.size == entry.size and _is_older(entry, known, offset_ns):
            same += 1
        elif known.size == entry.size or (compress and entry.kind == "file"):
            asked.append((entry, known))
        else:
            send.append(entry)
    facts = facts_of([known for _, known in asked]) if asked else {}
    for entry, known in asked:
        if _states(facts.get(known.key), entry):
            same += 1
        else:
            send.append(entry)
    send.sort(key=lambda entry: entry.path)
    return Uploads(send=tuple(send), same=same)


def compare_for_download(
    source: Mapping[str, RemoteEntry], here: Mapping[str, LocalEntry], *, facts_of: FactsOf
) -> Downloads:
    """What to fetch. A file is the same if size and time are those of the object: the time that its metadata
    keep, else that of its write. Metadata are asked for where only they can tell.
    """
    fetch: list[RemoteEntry] = []
    asked: list[tuple[RemoteEntry, LocalEntry]] = []
    same = 0
    for path in sorted(source):
        entry, known = source[path], here.get(path)
        if known is None or known.kind == "folder":
            fetch.append(entry)
        elif known.size == entry.size and known.mtime_ns // _SECOND == entry.modified_ns // _SECOND:
            same += 1
        else:
            asked.append((entry, known))
    facts = facts_of([entry for entry, _ in asked]) if asked else {}
    for entry, known in asked:
        if _is_same(facts.get(entry.key), entry, known):
            same += 1
        else:
            fetch.append(entry)
    fetch.sort(key=lambda entry: entry.path)
    return Downloads(fetch=tuple(fetch), same=same)


def _is_same(found: ObjectFacts | None, entry: RemoteEntry, known: LocalEntry) -> bool:
    if found is None or found.etag != entry.etag:
        return False
    original = original_of(found.metadata)
    size = original.size if original is not None else found.size
    attributes = attributes_of(dict(found.metadata))
    if attributes.is_link != (known.kind == "link"):
        return False
    moment = attributes.mtime_ns
    if moment is None:
        return size == known.size and known.mtime_ns // _SECOND == entry.modified_ns // _SECOND
    return size == known.size and moment == known.mtime_ns


def _kind_differs(entry: LocalEntry, known: RemoteEntry) -> bool:
    return (entry.kind == "folder") != known.key.endswith("/")


def _is_older(entry: LocalEntry, known: RemoteEntry, offset_ns: int) -> bool:
    """Whether the last change of the file surely lies before the write of the object, by the store's clock.
    Both clocks are known to the second only.
    """
    return (entry.changed_ns + offset_ns) // _SECOND + 1 < known.modified_ns // _SECOND


def _states(found: ObjectFacts | None, entry: LocalEntry) -> bool:
    """Whether the object says that it is this state of the file."""
    if found is None:
        return False
    original = original_of(found.metadata)
    attributes = attributes_of(dict(found.metadata))
    if attributes.mode != entry.mode:
        return False
    if entry.kind == "folder":
        return True  # its time changes with every file that is made in it
    size = original.size if original is not None else found.size
    return (size, attributes.mtime_ns) == (entry.size, entry.mtime_ns)


def excess_objects(
    source: Collection[str], there: Mapping[str, RemoteEntry], excluded: Callable[[str], bool]
) -> tuple[RemoteEntry, ...]:
    """The objects that the source has no file for. What is excluded stays."""
    return tuple(there[path] for path in sorted(there) if path not in source and not excluded(path))


def excess_files(
    source: Collection[str], here: Mapping[str, LocalEntry], excluded: Callable[[str], bool]
) -> tuple[str, ...]:
    """Files and links here that the source has no object for. What is excluded stays."""
    return tuple(
        path
        for path in sorted(here)
        if path not in source and here[path].kind != "folder" and not excluded(path)
    )

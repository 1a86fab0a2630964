"""Copies an object, or all objects below a prefix, to another place of the same store, inside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.errors import UsageError
from runctl_auto.providers.objects import ListedObject, ObjectData, ObjectFacts
from runctl_auto.transfer.comparison import excess_objects
from runctl_auto.transfer.copy_object import COPY_PART_BYTES, Copying, copy
from runctl_auto.transfer.entries import RemoteEntry
from runctl_auto.transfer.options import Options, Outcome, planned
from runctl_auto.transfer.send_tree import delete_objects
from runctl_auto.transfer.work import refuse_empty, working


@dataclass(frozen=True)
class At:
    """An object of a bucket, or all objects below ``key``."""

    data: ObjectData
    key: str


@dataclass(frozen=True)
class _Sides:
    """The objects of both places by path. ``prefix`` begins the keys of the target's."""

    source: dict[str, RemoteEntry]
    target: dict[str, RemoteEntry]
    prefix: str
    is_tree: bool


def copy_objects(
    source: At, target: At, journals: Path, options: Options, *, part_bytes: int = COPY_PART_BYTES
) -> Outcome:
    """Copies an object as the key of ``target`` (below it, if that ends in a slash or is empty), or, if there
    is none, all objects below the key to below that of ``target``.

    An object is there already if it has the size of its source and was written after it. Raises
    ``UsageError`` when there is neither, ``TransferIncompleteError`` when single objects could not be copied,
    after all others.
    """
    sides = _single(source, target) or _trees(source, target, options)
    to_copy = [each for path, each in sorted(sides.source.items()) if not _is_there(each, sides, path)]
    excess = _excess(sides, options) if options.delete and sides.is_tree else ()
    same, total = len(sides.source) - len(to_copy), sum(each.size for each in to_copy)
    if options.dry_run:
        return planned([each.path for each in to_copy], total, same, [each.path for each in excess], ())
    if excess:
        options.confirm_deletion(len(excess))
    with working(options) as work:
        work.meter.expect(len(to_copy), total)
        shared = Copying(
            source=source.data,
            target=target.data,
            workers=work.workers,
            failures=work.failures,
            journals=journals,
            meter=work.meter,
            part_bytes=part_bytes,
            now_ns=lambda: time.time_ns() + target.data.clock_offset_ns,
        )
        for each in to_copy:
            copy(shared, each, f"{sides.prefix}{each.path}")
        work.workers.finish()
        work.refuse_failures("copied", len(to_copy), target.data.address)
        delete_objects(target.data, excess)
    return Outcome(
        files=len(to_copy),
        bytes=total,
        same=same,
        deleted=tuple(each.path for each in excess),
        unverified=tuple(shared.unverified),
    )


def _single(source: At, target: At) -> _Sides | None:
    key, data = source.key, source.data
    facts = data.facts(key) if key and not key.endswith("/") else None
    if facts is None:
        return None
    folder, _, name = target.key.rpartition("/")
    name = name or key.rpartition("/")[2]
    prefix = f"{folder}/" if folder else ""
    if (data.place, key) == (target.data.place, f"{prefix}{name}"):
        raise UsageError("Both are the same object.", next_step="Name another target.")
    there = target.data.facts(f"{prefix}{name}")
    found = {} if there is None else {name: _entry(name, f"{prefix}{name}", there)}
    return _Sides({name: _entry(name, key, facts)}, found, prefix, is_tree=False)


def _trees(source: At, target: At, options: Options) -> _Sides:
    prefix, to = _prefix(source.key), _prefix(target.key)
    if source.data.place == target.data.place and (
        to.startswith(prefix) or (options.delete and prefix.startswith(to))
    ):
        raise UsageError(
            "One of the places lies in the other.", next_step="Name a target that is outside of the source."
        )
    found = _below(source.data.listed(prefix), prefix, options.selection.excludes)
    if not found:
        where = f"{source.data.address}/{source.key}"
        raise UsageError(
            f"{where} does not exist: there is neither an object of this name nor one below it.",
            where={"source": where},
            next_step="Check the name; --include and --exclude may leave out all that is there.",
        )
    return _Sides(found, _below(target.data.listed(to), to), to, is_tree=True)


def _below(
    listed: Iterable[ListedObject], prefix: str, excludes: Callable[[str], bool] = lambda _: False
) -> dict[str, RemoteEntry]:
    """The objects by their path below ``prefix``, whatever their names are; the prefix itself is none."""
    paths = ((each.key[len(prefix) :], each) for each in listed)
    return {path: _entry(path, each.key, each) for path, each in paths if path and not excludes(path)}


def _entry(path: str, key: str, found: ListedObject | ObjectFacts) -> RemoteEntry:
    return RemoteEntry(path=path, key=key, size=found.size, etag=found.etag, modified_ns=found.modified_ns)


def _prefix(key: str) -> str:
    return f"{key}/" if key and not key.endswith("/") else key


def _is_there(entry: RemoteEntry, sides: _Sides, path: str) -> bool:
    """Whether the target has it already. Lists tell times to the second: those of one second do not tell."""
    found = sides.target.get(path)
    return found is not None and found.size == entry.size and found.modified_ns > entry.modified_ns


def _excess(sides: _Sides, options: Options) -> tuple[RemoteEntry, ...]:
    refuse_empty(sides.source, "prefix")
    return excess_objects(sides.source, sides.target, options.selection.excludes)

"""Sends a file, or the tree of a folder, to a bucket."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from runctl_auto.errors import UsageError
from runctl_auto.providers.objects import ObjectData
from runctl_auto.transfer.bucket_tree import BucketTree, read_bucket
from runctl_auto.transfer.comparison import compare_for_upload, excess_objects
from runctl_auto.transfer.entries import LocalEntry, RemoteEntry
from runctl_auto.transfer.local_tree import LONGEST_KEY, LocalTree, entry_of, read_tree
from runctl_auto.transfer.options import Options, Outcome, planned
from runctl_auto.transfer.pace import Pace
from runctl_auto.transfer.small_files import MANY, SmallUpload, send_small
from runctl_auto.transfer.upload import Sending, send
from runctl_auto.transfer.work import Work, facts_of_all, incomplete, refuse_empty, working
from runctl_auto.transfer.workers import Failure

_DELETED_AT_ONCE = 1000


def upload(source: Path, data: ObjectData, key: str, journals: Path, options: Options) -> Outcome:
    """Sends ``source`` to the bucket: a file as the object ``key`` (below it, if it ends in a slash or is
    empty), the content of a folder below ``key``.

    Raises ``TransferIncompleteError`` when single files could not be sent, after all others.
    """
    tree, prefix, root = source_tree(source, key, options)
    problems = list(tree.problems)
    with working(options) as work:
        there = objects_at(data, tree, prefix, whole=source.is_dir())
        every = {**there.folders, **there.entries}
        plan = compare_for_upload(
            tree.entries,
            every,
            offset_ns=data.clock_offset_ns,
            compress=options.compress,
            facts_of=lambda entries: facts_of_all(data, entries, options),
        )
        excess = _excess_objects(tree, every, options) if options.delete and source.is_dir() else ()
        total = sum(each.size for each in plan.send)
        if options.dry_run:
            return planned(
                [each.path for each in plan.send], total, plan.same, [each.path for each in excess], problems
            )
        if excess:
            options.confirm_deletion(len(excess))
        work.meter.expect(len(plan.send), total)
        shared = Sending(
            data=data,
            workers=work.workers,
            failures=work.failures,
            journals=journals,
            meter=work.meter,
            pace=Pace(options.bandwidth),
            part_bytes=options.part_bytes,
            compress=options.compress,
            now_ns=lambda: _now_ns(data),
        )
        to_send = [
            (
                source.resolve() if root is None else root / entry.path,
                entry,
                f"{prefix}{entry.path}{'/' if entry.kind == 'folder' else ''}",
            )
            for entry in plan.send
        ]
        sent_bytes, left = _send_small(data, to_send, work, options)
        for place, entry, name in left:
            send(shared, place, entry, name)
        work.workers.finish()
        work.refuse_failures("sent", len(plan.send), data.address)
        delete_objects(data, excess)
    return Outcome(
        files=len(plan.send),
        bytes=total,
        same=plan.same,
        deleted=tuple(each.path for each in excess),
        not_transferable=tuple(problems),
        sent_bytes=data.sent_bytes + sent_bytes,
    )


ToSend = tuple[Path, LocalEntry, str]


def _send_small(
    data: ObjectData, files: list[ToSend], work: Work, options: Options
) -> tuple[int, list[ToSend]]:
    """Sends small files, if there are many; the bytes sent, and the files that are left."""
    small = [
        index
        for index, (_, entry, _) in enumerate(files)
        if entry.kind == "file" and entry.size <= options.small_bytes
    ]
    if len(small) < MANY or options.compress or options.bandwidth:
        return 0, files
    moved = send_small(
        data,
        [SmallUpload(os.fspath(place), entry, key) for place, entry, key in (files[each] for each in small)],
        work.meter,
        at_once=options.small_at_once,
    )
    sent = {small[index] for index in moved.indexes}
    return moved.sent_bytes, [file for index, file in enumerate(files) if index not in sent]


def source_tree(source: Path, key: str, options: Options) -> tuple[LocalTree, str, Path | None]:
    """The tree to send, the prefix of its keys, and the folder that its paths are relative to (None for a
    single file, whose path is the name of its object)."""
    if source.is_dir():
        prefix = f"{key}/" if key and not key.endswith("/") else key
        return (
            read_tree(source, options.selection, longest=LONGEST_KEY - len(prefix.encode())),
            prefix,
            source,
        )
    try:
        found = entry_of(source.name, source.resolve(strict=True).stat())
    except OSError as error:
        raise UsageError(
            f"{source} cannot be read: {error.strerror}.", next_step="Name an existing file or folder."
        ) from error
    if found is None:
        raise UsageError(f"{source} is no regular file.", next_step="Name a file or a folder.")
    tree = LocalTree()
    if key and not key.endswith("/"):
        prefix, _, name = key.rpartition("/")
        prefix = f"{prefix}/" if prefix else ""
    else:
        prefix, name = key, source.name
    tree.entries[name] = replace(found, path=name)
    return tree, prefix, None


def objects_at(data: ObjectData, tree: LocalTree, prefix: str, *, whole: bool) -> BucketTree:
    if whole:
        return read_bucket(data, prefix)
    (name,) = tree.entries
    found = BucketTree()
    facts = data.facts(f"{prefix}{name}")
    if facts is not None:
        found.entries[name] = RemoteEntry(
            path=name, key=f"{prefix}{name}", size=facts.size, etag=facts.etag, modified_ns=facts.modified_ns
        )
    return found


def _excess_objects(
    tree: LocalTree, there: Mapping[str, RemoteEntry], options: Options
) -> tuple[RemoteEntry, ...]:
    refuse_empty(tree.entries, "folder")
    kept = {each.path for each in tree.problems}
    above = _folders_above(tree.entries)
    found = excess_objects(tree.entries, there, options.selection.excludes)
    return tuple(each for each in found if each.path not in kept and each.path not in above)


def delete_objects(data: ObjectData, excess: Sequence[RemoteEntry]) -> None:
    """Deletes them. Raises ``TransferIncompleteError`` for those that could not be."""
    refused: dict[str, str] = {}
    for start in range(0, len(excess), _DELETED_AT_ONCE):
        keys = [each.key for each in excess[start : start + _DELETED_AT_ONCE]]
        refused.update(data.delete(keys))
    if refused:
        raise incomplete(
            "deleted",
            [Failure(path=key, why=why, kind="cloud") for key, why in refused.items()],
            len(excess),
            data.address,
        )


def _folders_above(paths: Mapping[str, object]) -> set[str]:
    return {
        "/".join(parts[:count])
        for parts in (path.split("/") for path in paths)
        for count in range(1, len(parts))
    }


def _now_ns(data: ObjectData) -> int:
    return time.time_ns() + data.clock_offset_ns

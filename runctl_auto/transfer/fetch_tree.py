"""Fetches an object, or all objects below a prefix, to this machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from runctl_auto.errors import LocalDiskFullError, RunctlError, UsageError
from runctl_auto.providers.objects import ObjectData
from runctl_auto.transfer.bucket_tree import BucketTree, read_bucket, why_not_here
from runctl_auto.transfer.comparison import Downloads, compare_for_download, excess_files
from runctl_auto.transfer.download import SHARED_BYTES, LinkToMake, Receiving, fetch, remove_stale
from runctl_auto.transfer.entries import RemoteEntry, Untransferable, attributes_of
from runctl_auto.transfer.local_tree import LocalTree, entry_of, read_tree
from runctl_auto.transfer.options import Options, Outcome, planned
from runctl_auto.transfer.pace import Pace
from runctl_auto.transfer.processes import usable_processes
from runctl_auto.transfer.small_files import MANY, SmallDownload, fetch_small
from runctl_auto.transfer.work import facts_of_all, refuse_empty, working


def download(data: ObjectData, key: str, target: Path, options: Options, *, into: bool = False) -> Outcome:
    """Fetches the object ``key`` to ``target`` (into it, if it is a folder or ``into`` says so), or, if there
    is none, all objects below ``key`` to the folder ``target``.

    Raises ``UsageError`` when there is neither, ``TransferIncompleteError`` when single objects could not be
    fetched, after all others.
    """
    source, root, prefix = _objects_to_fetch(data, key, target, options, into=into)
    single = prefix is None
    here = _files_here(source, root, options, single=single)
    with working(options) as work:
        plan = compare_for_download(
            source.entries, here.entries, facts_of=lambda entries: facts_of_all(data, entries, options)
        )
        excess = () if single or not options.delete else _excess_files(source, here, options)
        total = sum(each.size for each in plan.fetch)
        if options.dry_run:
            return planned([each.path for each in plan.fetch], total, plan.same, excess, source.problems)
        if excess:
            options.confirm_deletion(len(excess))
        _refuse_small_disk(root, total)
        work.meter.expect(len(plan.fetch), total)
        shared = Receiving(
            data=data,
            workers=work.workers,
            failures=work.failures,
            usual_mode=0o666 & ~_umask(),
            meter=work.meter,
            pace=Pace(options.bandwidth),
            part_bytes=options.part_bytes,
        )
        _fetch_all(shared, plan, root, options)
        work.workers.finish()
        refused = _make_links(shared.links, root)
        source.problems.extend(refused)
        work.refuse_failures("fetched", len(plan.fetch), data.address)
        _make_folders(data, source, root, options)
        remove_stale(here.arriving, data.place, prefix if prefix is not None else key)
        _delete_files(root, excess)
    return Outcome(
        files=len(plan.fetch) - len(refused),
        bytes=total,
        same=plan.same,
        deleted=tuple(excess),
        not_transferable=tuple(source.problems),
        unverified=tuple(shared.unverified),
        sent_bytes=data.sent_bytes,
    )


def _objects_to_fetch(
    data: ObjectData, key: str, target: Path, options: Options, *, into: bool
) -> tuple[BucketTree, Path, str | None]:
    """What to fetch, the folder for it, and the prefix of a tree (None for a single object)."""
    facts = data.facts(key) if key and not key.endswith("/") else None
    if facts is not None:
        name = key.rpartition("/")[2] if into or target.is_dir() else target.name
        why = why_not_here(name)
        if why is not None:
            raise UsageError(f"{key} cannot be a file here: {why}.", next_step="Name a file as the target.")
        entry = RemoteEntry(
            path=name, key=key, size=facts.size, etag=facts.etag, modified_ns=facts.modified_ns
        )
        folder = target if into or target.is_dir() else target.parent
        return BucketTree(entries={name: entry}), folder, None
    prefix = f"{key}/" if key and not key.endswith("/") else key
    tree = read_bucket(data, prefix, lambda path: not options.selection.excludes(path))
    if not (tree.entries or tree.folders or tree.problems):
        raise UsageError(
            f"{data.address}/{key} does not exist: there is neither an object of this name nor one below it.",
            where={"source": f"{data.address}/{key}"},
            next_step="Check the name; --include and --exclude may leave out all that is there.",
        )
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target} is a file, and the source a tree.", next_step="Name a folder.")
    return tree, target, prefix


def _files_here(source: BucketTree, root: Path, options: Options, *, single: bool) -> LocalTree:
    if not single:
        return read_tree(root, options.selection, longest=1 << 20, folders=False)
    tree = LocalTree()
    for path in source.entries:
        try:
            found = entry_of(path, (root / path).lstat())
        except OSError:
            continue
        if found is not None:
            tree.entries[path] = found
    return tree


def _fetch_all(shared: Receiving, plan: Downloads, root: Path, options: Options) -> None:
    folders = _Folders(root)
    to_fetch: list[tuple[RemoteEntry, Path]] = []
    for entry in plan.fetch:
        try:
            to_fetch.append((entry, folders.place(entry.path)))
        except (RunctlError, OSError) as error:
            shared.failures.take(entry.path, error)
    left = _fetch_small(shared, to_fetch, options)
    if not options.bandwidth:
        by_others = replace(shared, processes=usable_processes(), at_once=options.at_once)
        for entry, target in left:
            if entry.size >= SHARED_BYTES:
                fetch(by_others, entry, target)
        for submit in shared.left:
            submit()
        left = [file for file in left if file[0].size < SHARED_BYTES]
    for entry, target in left:
        fetch(shared, entry, target)


def _fetch_small(
    shared: Receiving, files: list[tuple[RemoteEntry, Path]], options: Options
) -> list[tuple[RemoteEntry, Path]]:
    """Fetches small files, if there are many; the files that are left."""
    small = [index for index, (entry, _) in enumerate(files) if entry.size <= options.small_bytes]
    if len(small) < MANY or options.bandwidth:
        return files
    moved = fetch_small(
        shared.data,
        [SmallDownload(entry, os.path.abspath(place)) for entry, place in (files[each] for each in small)],
        shared.meter,
        usual_mode=shared.usual_mode,
        at_once=options.small_at_once,
    )
    shared.unverified.extend(files[small[index]][0].path for index in moved.unverified)
    fetched = {small[index] for index in moved.indexes}
    return [file for index, file in enumerate(files) if index not in fetched]


class _Folders:
    """Makes the folders of files, and follows no link below the root: one could lead out of it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known = {""}
        root.mkdir(parents=True, exist_ok=True)

    def place(self, path: str) -> Path:
        """Where the file belongs; its folder exists. Raises ``UsageError`` where a link or file is in the
        way.
        """
        self.make(path.rpartition("/")[0])
        target = self._root / path
        if target.is_dir() and not target.is_symlink():
            raise UsageError(f"{path} is a folder here.")
        return target

    def make(self, path: str) -> None:
        if path in self._known:
            return
        self.make(path.rpartition("/")[0])
        folder = self._root / path
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise UsageError(f"{path} is {'a link' if folder.is_symlink() else 'no folder'} here.")
        folder.mkdir(exist_ok=True)
        self._known.add(path)


def _make_links(links: Sequence[LinkToMake], root: Path) -> list[Untransferable]:
    """Makes links when all files are in place, so that none is written through one.

    Those that lead out of the tree are returned.
    """
    refused: list[Untransferable] = []
    for each in sorted(links, key=lambda link: link.path):
        place = root / each.path
        inside = os.path.normpath(os.path.join(os.path.dirname(each.path), each.target))
        if os.path.isabs(each.target) or inside.split("/")[0] == ".." or "\0" in each.target:
            refused.append(Untransferable(path=each.path, why="is a link that leads out of the tree"))
            continue
        if place.is_symlink() or place.is_file():
            place.unlink()
        place.symlink_to(each.target)
        if each.attributes.mtime_ns is not None:
            os.utime(place, ns=(each.attributes.mtime_ns,) * 2, follow_symlinks=False)
    return refused


def _make_folders(data: ObjectData, source: BucketTree, root: Path, options: Options) -> None:
    made = _Folders(root)
    facts = facts_of_all(data, list(source.folders.values()), options)
    for path in sorted(source.folders, reverse=True):
        found = facts.get(source.folders[path].key)
        made.make(path)
        permissions = attributes_of(dict(found.metadata)).permissions if found is not None else None
        if permissions is not None:
            (root / path).chmod(permissions)


def _excess_files(source: BucketTree, here: LocalTree, options: Options) -> tuple[str, ...]:
    refuse_empty(source.entries, "prefix")
    kept = {each.path for each in source.problems}
    found = excess_files(source.entries, here.entries, options.selection.excludes)
    return tuple(path for path in found if path not in kept)


def _delete_files(root: Path, paths: Sequence[str]) -> None:
    """Deletes files, and the folders that are empty without them."""
    folders = set()
    for path in paths:
        (root / path).unlink(missing_ok=True)
        folders.add((root / path).parent)
    for folder in sorted(folders, key=lambda each: len(each.parts), reverse=True):
        current = folder
        while current != root and not any(current.iterdir()):
            current.rmdir()
            current = current.parent


def _refuse_small_disk(root: Path, total: int) -> None:
    place = root
    while not place.exists():
        place = place.parent
    found = os.statvfs(place)
    free = found.f_bavail * found.f_frsize
    if total > free:
        raise LocalDiskFullError(
            f"{total} bytes do not fit on the disk of {root}: {free} are free.",
            where={"folder": str(root)},
            next_step="Make room, or name another folder.",
        )


def _umask() -> int:
    """The mask of new files; set and set back, since nothing else tells it. Called before threads start."""
    found = os.umask(0o077)
    os.umask(found)
    return found

"""Reads what lies below a prefix of a bucket as a tree, and what of it cannot become a file here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from runctl_auto.providers.objects import ListedObject, ObjectData
from runctl_auto.transfer.entries import RemoteEntry, Untransferable
from runctl_auto.transfer.local_tree import ARRIVING

LONGEST_NAME = 255
"""Bytes of a file name on the file systems of Linux and macOS."""


@dataclass
class BucketTree:
    """The objects below a prefix by path: files (links too), and markers of folders, whose key ends in a
    slash.
    """

    entries: dict[str, RemoteEntry] = field(default_factory=dict)
    folders: dict[str, RemoteEntry] = field(default_factory=dict)
    problems: list[Untransferable] = field(default_factory=list)


def read_bucket(data: ObjectData, prefix: str, takes: Callable[[str], bool] = lambda _: True) -> BucketTree:
    """The tree below ``prefix``, which ends in a slash or is empty. Blocks; one request for 1000 objects."""
    return tree_of(data.listed(prefix), prefix, takes)


def tree_of(
    listed: Iterable[ListedObject], prefix: str, takes: Callable[[str], bool] = lambda _: True
) -> BucketTree:
    """The tree of the objects in a list. ``takes`` decides by path."""
    tree = BucketTree()
    for each in listed:
        path = each.key[len(prefix) :]
        is_folder = path.endswith("/")
        name = path.rstrip("/")
        if not name or not takes(name):
            continue
        why = why_not_here(path.removesuffix("/"))
        if why is not None:
            tree.problems.append(Untransferable(path=path, why=why))
            continue
        entry = RemoteEntry(
            path=name, key=each.key, size=each.size, etag=each.etag, modified_ns=each.modified_ns
        )
        (tree.folders if is_folder else tree.entries)[name] = entry
    _refuse_files_in_the_way(tree)
    return tree


def why_not_here(path: str) -> str | None:
    """Why a path from a bucket cannot be a file below a folder of this machine; None if it can."""
    names = path.split("/")
    if path.startswith("/") or "" in names:
        return "it has an empty name between slashes"
    if "." in names or ".." in names:
        return "it leads to another folder"
    if "\0" in path:
        return "it has a zero byte"
    if any(len(name.encode(errors="surrogateescape")) > LONGEST_NAME for name in names):
        return f"one of its names is longer than {LONGEST_NAME} bytes"
    if any(name.startswith(ARRIVING) for name in names):
        return "it has a name that runctl uses for files on their way"
    return None


def _refuse_files_in_the_way(tree: BucketTree) -> None:
    """A bucket can have ``a`` beside ``a/b``; a folder cannot. The objects below are taken."""
    above: set[str] = set()
    for path in (*tree.entries, *tree.folders):
        parts = path.split("/")
        for count in range(len(parts) - 1, 0, -1):
            parent = "/".join(parts[:count])
            if parent in above:
                break
            above.add(parent)
    for path in sorted((above | tree.folders.keys()) & tree.entries.keys()):
        del tree.entries[path]
        tree.problems.append(Untransferable(path=path, why="other objects lie below it, as in a folder"))

"""Compares a file or tree of this machine with a bucket by content. Changes nothing."""

from __future__ import annotations

from pathlib import Path

from runctl_auto.providers.objects import ObjectData
from runctl_auto.transfer.bucket_tree import read_bucket
from runctl_auto.transfer.local_tree import read_tree
from runctl_auto.transfer.options import Options
from runctl_auto.transfer.send_tree import objects_at, source_tree
from runctl_auto.transfer.verification import Compared, Verification, verify


def compare(here: Path, data: ObjectData, key: str, options: Options) -> Verification:
    """Compares a file with the object ``key``, or a folder with all objects below ``key``, by content."""
    if here.is_dir():
        prefix = f"{key}/" if key and not key.endswith("/") else key
        local = read_tree(here, options.selection, folders=False)
        there = read_bucket(data, prefix, lambda path: not options.selection.excludes(path))
        paths = sorted(local.entries.keys() | there.entries.keys())
        pairs = [(path, local.entries.get(path), there.entries.get(path)) for path in paths]
        problems = {each.path: each for each in (*local.problems, *there.problems)}
        found = verify(data, pairs, lambda path: here / path, at_once=options.at_once)
        told = [Compared(path=each.path, verdict="differs", why=each.why) for each in problems.values()]
        return Verification(compared=(*found.compared, *told))
    tree, prefix, _ = source_tree(here, key, options)
    (name,) = tree.entries
    there_entries = objects_at(data, tree, prefix, whole=False).entries
    pairs = [(name, tree.entries[name], there_entries.get(name))]
    return verify(data, pairs, lambda _: here.resolve(), at_once=1)

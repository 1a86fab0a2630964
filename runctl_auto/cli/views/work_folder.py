"""What travels to the machine, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from runctl_auto.local.printable import printable
from runctl_auto.reports.figures import size_text

if TYPE_CHECKING:
    from runctl_auto.packaging.work_folder import WorkFolder

LARGEST = 5
LEFT_OUT = 5


def work_folder_lines(folder: WorkFolder, *, every_file: bool) -> Iterator[str]:
    """The summary of a plan; with ``every_file`` each file, and each reason why something is left out."""
    empty = f", {_counted(folder.empty_folders, 'empty folder')}" if folder.empty_folders else ""
    more = "" if every_file else "; --show-files lists them"
    yield f"work folder: {_counted(folder.files, 'file')}, {size_text(folder.bytes)}{empty}{more}"
    if every_file:
        yield from (f"  {size_text(file.size):>9}  {printable(file.name)}" for file in folder.files)
        yield from (f"  {'empty':>9}  {printable(name)}/" for name in folder.empty_folders)
        if folder.left_out:
            yield "left out:"
        yield from (f"  {printable(each.name)}  ({each.why})" for each in folder.left_out)
    else:
        largest = (f"{printable(file.name)} {size_text(file.size)}" for file in folder.largest(LARGEST))
        yield f"  largest: {', '.join(largest)}"
        if folder.left_out:
            yield f"  left out: {_first_left_out(folder)}"
    yield from folder.notes


def work_folder_json(folder: WorkFolder, *, every_file: bool) -> dict[str, Any]:
    """Sizes in bytes, unpacked; ``all_files`` is null unless ``every_file``."""
    return {
        "files": len(folder.files),
        "bytes": folder.bytes,
        "largest": [{"name": file.name, "bytes": file.size} for file in folder.largest(LARGEST)],
        "empty_folders": list(folder.empty_folders),
        "left_out": [{"name": each.name, "why": each.why} for each in folder.left_out],
        "all_files": [{"name": file.name, "bytes": file.size} for file in folder.files]
        if every_file
        else None,
        "notes": list(folder.notes),
    }


def _counted(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'s' if len(things) != 1 else ''}"


def _first_left_out(folder: WorkFolder) -> str:
    """One name for each reason: rules first, then what never travels."""
    from runctl_auto.packaging.work_files import NEVER

    names: dict[str, list[str]] = {}
    for each in folder.left_out:
        names.setdefault(each.why, []).append(printable(each.name))
    reasons = sorted(names, key=lambda why: why in NEVER.values())
    told = [_named(names[why], why) for why in reasons[:LEFT_OUT]]
    more = sum(len(names[why]) for why in reasons[LEFT_OUT:])
    return ", ".join(told) + (f", and {more} more" if more else "")


def _named(names: list[str], why: str) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0]}{more} ({why})"

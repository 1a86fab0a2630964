"""How one text became another: by characters, and by lines with what stands around the changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any, NamedTuple

_CONTEXT = 2
ELLIPSIS = "..."


class Piece(NamedTuple):
    """A part of both texts (`same`), of the old one (`delete`) or of the new one (`create`)."""

    op: str
    text: str


def characters(old: str, new: str) -> list[Piece]:
    """The parts of two texts of one line."""
    return [Piece(op, "".join(part)) for op, part in _parts(old, new)]


def lines(old: str, new: str) -> list[Piece]:
    """The lines that changed and up to two beside them; blank lines are left out."""
    parts = [
        (op, [line for line in part if line.strip()])
        for op, part in _parts(old.splitlines(), new.splitlines())
    ]
    found: list[Piece] = []
    for index, (op, part) in enumerate(parts):
        shown = part
        if op == "same":
            shown = _around(part, first=index == 0, last=index == len(parts) - 1)
        found += (Piece(op, line) for line in shown)
    return found


def _around(part: list[str], *, first: bool, last: bool) -> list[str]:
    """Lines that did not change, without those far from any that did."""
    if first:
        return part if len(part) <= _CONTEXT + 1 else [ELLIPSIS, *part[-_CONTEXT:]]
    if last:
        return part if len(part) <= _CONTEXT + 1 else [*part[:_CONTEXT], ELLIPSIS]
    if len(part) <= 2 * _CONTEXT + 1:
        return part
    return [*part[:_CONTEXT], ELLIPSIS, *part[-_CONTEXT:]]


def _parts(old: Sequence[Any], new: Sequence[Any]) -> Iterator[tuple[str, Sequence[Any]]]:
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if tag == "equal":
            yield "same", old[old_from:old_to]
            continue
        if old_to > old_from:
            yield "delete", old[old_from:old_to]
        if new_to > new_from:
            yield "create", new[new_from:new_to]

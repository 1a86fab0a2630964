"""Redacts secrets in the run's output, also where a secret spans two parts of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from runctl_auto.agent.journal import PREFIX

MASK = b"***"
LEAST_BYTES = 4
LEAST_OF_A_LINE = 8


class Redaction(Protocol):
    """Decides what to redact in the output."""

    @property
    def reach(self) -> int:
        """How many bytes before and after a piece must be known to redact it."""

    def unsure(self, data: bytes) -> int:
        """How many bytes at the end of `data` may be the beginning of a secret."""

    def redacted(self, before: bytes, piece: bytes, after: bytes) -> bytes:
        """`piece` redacted, given the bytes `before` and `after` it."""


class HiddenValues:
    """Masks every occurrence of the values, and of long lines of multi-line values.

    Values shorter than four bytes are not masked: they occur everywhere.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._needles = sorted(set(_needles(values)), key=len, reverse=True)

    @property
    def reach(self) -> int:
        return len(self._needles[0]) if self._needles else 0

    def unsure(self, data: bytes) -> int:
        return max((_begun(needle, data) for needle in self._needles), default=0)

    def redacted(self, before: bytes, piece: bytes, after: bytes) -> bytes:
        if not self._needles:
            return piece
        start, end = len(before), len(before) + len(piece)
        out: list[bytes] = []
        position = start
        for first, last in self._spans(before + piece + after):
            if last <= start or first >= end:
                continue
            out.append(piece[position - start : max(first, start) - start])
            if first >= start:  # otherwise the piece before this one shows the mask
                out.append(MASK)
            position = min(last, end)
        out.append(piece[position - start :])
        return b"".join(out)

    def text(self, text: str) -> str:
        """A whole text, redacted."""
        return self.redacted(b"", text.encode("utf-8", "replace"), b"").decode("utf-8", "replace")

    def _spans(self, data: bytes) -> list[tuple[int, int]]:
        """The ranges to redact; overlapping and adjacent ones are merged."""
        merged: list[tuple[int, int]] = []
        for first, last in sorted(self._occurrences(data)):
            if merged and first <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], last))
            else:
                merged.append((first, last))
        return merged

    def _occurrences(self, data: bytes) -> Iterator[tuple[int, int]]:
        for needle in self._needles:
            at = data.find(needle)
            while at >= 0:
                yield at, at + len(needle)
                at = data.find(needle, at + 1)
        cut_off = self.unsure(data)
        if cut_off >= LEAST_OF_A_LINE:
            yield len(data) - cut_off, len(data)


class OwnLinesOnly:
    """Keeps only the agent's own lines: for output whose secrets are unknown."""

    reach = 0

    def unsure(self, data: bytes) -> int:
        del data
        return 0

    def redacted(self, before: bytes, piece: bytes, after: bytes) -> bytes:
        del before, after
        own = PREFIX.encode()
        return b"".join(line for line in piece.splitlines(keepends=True) if line.startswith(own))


def _needles(values: Iterable[str]) -> Iterator[bytes]:
    for value in values:
        for whole in (value, value.strip()):
            if len(whole.encode()) >= LEAST_BYTES:
                yield whole.encode()
        lines = [line.strip().encode() for line in value.splitlines()]
        if len(lines) > 1:
            yield from (line for line in lines if len(line) >= LEAST_OF_A_LINE)


def _begun(needle: bytes, data: bytes) -> int:
    """The longest proper prefix of `needle` that `data` ends with."""
    for length in range(min(len(needle) - 1, len(data)), 0, -1):
        if data.endswith(needle[:length]):
            return length
    return 0

"""The rules of ignore files, read as git reads them: ``.gitignore``, and ``.runctlignore`` likewise."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.errors import PackagingError
from runctl_auto.local.printable import printable, shortened
from runctl_auto.packaging.wildcards import compiled, literal_length

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class IgnoreRule:
    """One line of an ignore file, which leaves out what it matches, or (``keeps``) takes it again.

    ``prefix`` is compared as it is, then ``wildcards`` with the rest; without ``has_wildcards`` nothing may
    follow, and ``wildcards`` that are None match nothing.
    """

    source: str
    line: int
    text: str
    keeps: bool
    folders_only: bool
    by_path: bool
    prefix: bytes
    wildcards: re.Pattern[bytes] | None
    has_wildcards: bool

    def __str__(self) -> str:
        return f"{self.source}:{self.line}: {shortened(printable(self.text))}"

    def matches(self, path: bytes, name: bytes, is_folder: bool) -> bool:
        """Whether the rule matches the entry ``name`` at ``path``, relative to the rule's folder."""
        if self.folders_only and not is_folder:
            return False
        subject = path if self.by_path else name
        if not self.has_wildcards:
            return subject == self.prefix
        if self.wildcards is None or not subject.startswith(self.prefix):
            return False
        return self.wildcards.fullmatch(subject, len(self.prefix)) is not None


@dataclass(frozen=True)
class IgnoreFile:
    """The rules of one file, which apply below ``folder`` (with a slash at its end, or empty)."""

    folder: bytes
    rules: tuple[IgnoreRule, ...]

    def verdict(self, path: bytes, name: bytes, is_folder: bool) -> IgnoreRule | None:
        """The last rule that matches the entry at ``path``; ``path`` has the same root as ``folder``."""
        below = path[len(self.folder) :]
        return next((rule for rule in reversed(self.rules) if rule.matches(below, name, is_folder)), None)


def last_verdict(files: Iterable[IgnoreFile], path: bytes, name: bytes, is_folder: bool) -> IgnoreRule | None:
    """The rule that decides, or None; ``files`` are those of the highest precedence first."""
    return next((rule for file in files if (rule := file.verdict(path, name, is_folder))), None)


def read_ignore_file(path: Path, folder: bytes, source: str) -> IgnoreFile | None:
    """The rules at ``path``; None when there is no regular file (git follows no link there).

    Raises PackagingError for a file that cannot be read.
    """
    if path.is_symlink() or not path.is_file():
        return None
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PackagingError(
            f"{path} cannot be read: {error.strerror or error}",
            where={"path": str(path)},
            next_step="Make it readable.",
        ) from error
    return IgnoreFile(folder, tuple(parse_rules(content, source)))


def parse_rules(content: bytes, source: str) -> Iterator[IgnoreRule]:
    """The rules of an ignore file's ``content``. ``source`` names the file in messages."""
    lines = content.removeprefix(_BYTE_ORDER_MARK).split(b"\n")
    for number, line in enumerate(lines, start=1):
        text = line.removesuffix(b"\r") if number < len(lines) else line
        if text and not text.startswith(b"#"):
            yield _rule(_without_trailing_spaces(text.partition(b"\0")[0]), source, number)


def _rule(text: bytes, source: str, line: int) -> IgnoreRule:
    keeps = text.startswith(b"!")
    pattern = text[1:] if keeps else text
    folders_only = pattern.endswith(b"/")
    if folders_only:
        pattern = pattern[:-1]
    by_path = b"/" in pattern
    if by_path:
        pattern = pattern.removeprefix(b"/")
    prefix = pattern[: literal_length(pattern)]
    rest = pattern[len(prefix) :]
    return IgnoreRule(
        source=source,
        line=line,
        text=text.decode("utf-8", "replace"),
        keeps=keeps,
        folders_only=folders_only,
        by_path=by_path,
        prefix=prefix if by_path or not rest else b"",
        # Git compares what stands before the first wildcard on its own; `a**/b` is then `**/b` behind `a`.
        wildcards=compiled(rest if by_path else pattern, is_path=by_path) if rest else None,
        has_wildcards=bool(rest),
    )


def _without_trailing_spaces(text: bytes) -> bytes:
    """``text`` without the spaces at its end, but for one that a backslash keeps."""
    kept = text.rstrip(b" ")
    backslashes = len(kept) - len(kept.rstrip(b"\\"))
    return kept + b" " if len(kept) < len(text) and backslashes % 2 else kept

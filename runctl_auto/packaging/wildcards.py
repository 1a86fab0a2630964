"""Git's wildcards (``*``, ``?``, ``[a-z]``, ``**``) as regular expressions over bytes.

Git compares bytes: ``?`` is one byte, which a letter outside ASCII is not. The expressions take time in
proportion to the name: what stands between two stars matches where it first can and is not tried again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum

SPECIAL = frozenset(b"*?[\\")

_CLASSES = {
    b"alnum": b"0-9A-Za-z",
    b"alpha": b"A-Za-z",
    b"blank": b" \\t",
    b"cntrl": b"\\x00-\\x1f\\x7f",
    b"digit": b"0-9",
    b"graph": b"\\x21-\\x7e",
    b"lower": b"a-z",
    b"print": b"\\x20-\\x7e",
    b"punct": b"\\x21-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7e",
    b"space": b"\\t-\\r ",
    b"upper": b"A-Z",
    b"xdigit": b"0-9A-Fa-f",
}


class _Many(Enum):
    """What matches any number of bytes."""

    STAR = "any bytes of one name"
    TAIL = "everything that follows"
    FOLDERS = "no folder, or several"
    SOME_FOLDERS = "a folder, or several"


_Token = bytes | _Many


class _NoMatchError(Exception):
    """The pattern matches nothing, such as ``[a``."""


def literal_length(pattern: bytes) -> int:
    """The number of bytes before the first special one."""
    return next((index for index, byte in enumerate(pattern) if byte in SPECIAL), len(pattern))


def compiled(pattern: bytes, *, is_path: bool) -> re.Pattern[bytes] | None:
    """The expression that matches a whole name; None for a pattern that matches none.

    ``is_path``: a slash is matched by a slash and by ``**`` between slashes only.
    """
    try:
        tokens = _Tokens(pattern, is_path).all()
    except _NoMatchError:
        return None
    return re.compile(_Expression(b"[^/]" if is_path else b".").of(tokens), re.DOTALL)


class _Tokens:
    """A pattern's tokens: expressions of one byte each, and what matches many."""

    def __init__(self, pattern: bytes, is_path: bool) -> None:
        self._pattern = pattern
        self._is_path = is_path

    def all(self) -> list[_Token]:
        tokens: list[_Token] = []
        at = 0
        while at < len(self._pattern):
            byte = self._pattern[at : at + 1]
            token: _Token
            if byte == b"*":
                token, at = self._stars(at)
            elif byte == b"?":
                token, at = b"[^/]" if self._is_path else b".", at + 1
            elif byte == b"[":
                token, at = self._bracket(at + 1)
            else:
                literal, at = self._byte(at)
                token = _escaped(literal)
            tokens.append(token)
        return tokens

    def _stars(self, at: int) -> tuple[_Many, int]:
        end = at
        while self._pattern[end : end + 1] == b"*":
            end += 1
        begins_name = at == 0 or self._pattern[at - 1 : at] == b"/"
        if end - at == 1 or not self._is_path or not begins_name:
            return _Many.STAR, end
        if end == len(self._pattern):
            return _Many.TAIL, end
        if self._pattern[end : end + 1] == b"/":
            return _Many.FOLDERS, end + 1
        if self._pattern[end : end + 2] == b"\\/":
            return _Many.SOME_FOLDERS, end + 2
        return _Many.STAR, end

    def _bracket(self, at: int) -> tuple[bytes, int]:
        """``at`` is behind the opening bracket."""
        negated = self._pattern[at : at + 1] in (b"!", b"^")
        at += negated
        begin, members = at, b""
        while at == begin or self._pattern[at : at + 1] != b"]":
            is_class = self._pattern[at : at + 2] == b"[:"
            member, at = self._named_class(at) if is_class else self._member(at)
            members += member
        guard = b"(?!/)" if self._is_path else b""
        return guard + b"[" + (b"^" if negated else b"") + members + b"]", at + 1

    def _named_class(self, at: int) -> tuple[bytes, int]:
        end = self._pattern.find(b"]", at + 2)
        if end < 0:
            raise _NoMatchError
        if end == at + 2 or self._pattern[end - 1 : end] != b":":
            return _escaped(ord("[")), at + 1
        name = self._pattern[at + 2 : end - 1]
        if name not in _CLASSES:
            raise _NoMatchError
        return _CLASSES[name], end + 1

    def _member(self, at: int) -> tuple[bytes, int]:
        low, at = self._byte(at)
        if self._pattern[at : at + 1] != b"-" or self._pattern[at + 1 : at + 2] in (b"", b"]"):
            return _escaped(low), at
        high, at = self._byte(at + 1)
        # A range's first byte counts also when the range is empty.
        return _escaped(low) + (b"-" + _escaped(high) if low <= high else b""), at

    def _byte(self, at: int) -> tuple[int, int]:
        at += self._pattern[at : at + 1] == b"\\"
        if at >= len(self._pattern):
            raise _NoMatchError
        return self._pattern[at], at + 1


class _Expression:
    """Joins tokens. ``any_byte`` is what a star repeats."""

    def __init__(self, any_byte: bytes) -> None:
        self._any = any_byte
        self._groups = 0

    def of(self, tokens: Sequence[_Token]) -> bytes:
        for index in range(len(tokens) - 1, -1, -1):
            if tokens[index] in (_Many.FOLDERS, _Many.SOME_FOLDERS):
                before, folders, last = tokens[:index], tokens[index], tokens[index + 1 :]
                return self._up_to(before) + self._folders(folders) + self._names(last)
        return self._names(tokens)

    def _up_to(self, tokens: Sequence[_Token]) -> bytes:
        """What stands before the last ``**/``: whole names, so that the first match is as good as any."""
        found, part, folders = b"", [], None
        for token in [*tokens, _Many.FOLDERS]:
            if token not in (_Many.FOLDERS, _Many.SOME_FOLDERS):
                part.append(token)
                continue
            names = self._names(part)
            found += names if folders is None else self._once(self._folders(folders) + names)
            part, folders = [], token
        return found

    def _names(self, tokens: Sequence[_Token]) -> bytes:
        found, chunk, is_open = b"", b"", False
        for token in tokens:
            if isinstance(token, bytes):
                chunk += token
            elif token is _Many.TAIL:
                chunk += b".*"
            else:
                found += self._once(self._any + b"*?" + chunk) if is_open else chunk
                chunk, is_open = b"", True
        return found + (self._any + b"*" if is_open else b"") + chunk

    def _folders(self, token: _Token) -> bytes:
        return b"(?:[^/]*/)" + (b"*?" if token is _Many.FOLDERS else b"+?")

    def _once(self, expression: bytes) -> bytes:
        """``expression``, which is not tried again at another place once it has matched (an atomic group)."""
        self._groups += 1
        name = b"g%d" % self._groups
        return b"(?=(?P<" + name + b">" + expression + b"))(?P=" + name + b")"


def _escaped(byte: int) -> bytes:
    return b"\\x%02x" % byte

"""The line of each key in a TOML file. The file must be valid TOML."""

from __future__ import annotations

import re
import sys

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_BARE = "[A-Za-z0-9_-]+"
_PART = rf"""(?:{_BARE}|"(?:[^"\\]|\\.)*"|'[^']*')"""
_KEY = rf"{_PART}(?:\s*\.\s*{_PART})*"
_TABLE = re.compile(rf"\s*\[\[?\s*({_KEY})\s*\]")
_PAIR = re.compile(rf"\s*({_KEY})\s*=")
_LONG_QUOTES = re.compile(r'"""|\'\'\'')


def key_lines(text: str) -> dict[tuple[str, ...], int]:
    """The line, from 1, of every table and of every key at the beginning of a line."""
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    inside: str | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if inside is None:
            if heading := _TABLE.match(line):
                table = _parts(heading[1])
                lines.setdefault(table, number)
            elif pair := _PAIR.match(line):
                lines.setdefault((*table, *_parts(pair[1])), number)
        inside = _open_quotes(line, inside)
    return lines


def _parts(key: str) -> tuple[str, ...]:
    """The parts of a dotted key, unquoted, as parsed by TOML."""
    values: object = tomllib.loads(f"{key} = 0")
    parts: list[str] = []
    while isinstance(values, dict):
        ((part, values),) = values.items()
        parts.append(part)
    return tuple(parts)


def _open_quotes(line: str, inside: str | None) -> str | None:
    """The quotes of the multi-line string that is open after ``line``."""
    for quotes in _LONG_QUOTES.findall(line):
        if inside is None:
            inside = quotes
        elif inside == quotes:
            inside = None
    return inside

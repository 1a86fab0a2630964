"""Reads the values of a settings file that is written as plainly as Pulumi and runctl write it.

A YAML parser takes a third of a millisecond for a file, and a list of jobs reads all of them. What is not
written in this form is left to the parser.
"""

from __future__ import annotations

import re

_TOP = re.compile(r"([a-z]+): ([A-Za-z0-9+/=:_.-]+)")
_ENTRY = re.compile(r"  ([a-z][A-Za-z0-9:_.-]*): ?(.*)")
_SECURE = re.compile(r"    secure: [A-Za-z0-9+/=:_.-]+")
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9/_.@%+~-]*(?::[A-Za-z0-9/_.@%+~-]+)*")
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
"""Plain words that YAML takes for something else than texts."""
_BREAK = re.compile(r"[\r\x00-\x09\x0b-\x1f\x7f-\xa0\u2028\u2029\ufeff]")
_CONTINUED = "    "


def plain_values(text: str, prefix: str) -> dict[str, str] | None:
    """The texts under ``config`` whose keys begin with ``prefix``, encrypted ones left out; None when the
    file is not written in the plain form, and a parser has to read it.
    """
    if _BREAK.search(text):
        return None
    found: dict[str, str] = {}
    lines = text.split("\n")
    number, in_config = 0, False
    while number < len(lines):
        line = lines[number]
        number += 1
        if line == "config:":
            if in_config or found:
                return None
            in_config = True
        elif entry := _ENTRY.fullmatch(line) if in_config else None:
            more = number
            while more < len(lines) and lines[more].startswith(_CONTINUED):
                more += 1
            value = _value(entry[2], lines[number:more])
            if value is None or entry[1] in found:
                return None
            if entry[1].startswith(prefix) and value is not _ENCRYPTED:
                found[entry[1]] = str(value)
            number = more
        elif not _is_other_setting(line, last=number == len(lines)):
            return None
        else:
            in_config = False
    return found


def _is_other_setting(line: str, *, last: bool) -> bool:
    """Whether the line holds a plain setting beside ``config``, or ends the file."""
    if line == "":
        return last
    return _TOP.fullmatch(line) is not None and not line.startswith("config:")


class _Encrypted:
    """Stands for a value that is encrypted."""


_ENCRYPTED = _Encrypted()


def _value(first: str, more: list[str]) -> str | _Encrypted | None:
    """None for a form that only a parser reads."""
    if not first:
        return _ENCRYPTED if len(more) == 1 and _SECURE.fullmatch(more[0]) else None
    if more:  # a quoted text over several lines: a break between them is a blank
        if not all(each.strip() for each in more):
            return None
        first = " ".join([first.rstrip(" "), *(each.strip(" ") for each in more)])
    if first.startswith("'") and first.endswith("'") and len(first) > 1:
        inner = first[1:-1]
        return None if "'" in inner.replace("''", "") else inner.replace("''", "'")
    if more or _PLAIN.fullmatch(first) is None or first.lower() in _WORDS:
        return None
    return first

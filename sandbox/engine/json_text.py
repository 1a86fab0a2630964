"""JSON texts, to the byte as Pulumi writes them."""

from __future__ import annotations

import json
import re
from typing import Any

_SMALL = re.compile(r"e-0[5-9]")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|(-?)(\d)(?:\.(\d+))?e-0([5-9])')
_ALWAYS = (("\u2028", "\\u2028"), ("\u2029", "\\u2029"))
_FOR_HTML = (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"))


def compact(value: Any, *, html: bool = False) -> str:
    """The value on one line; with `html` the characters that mean something in a page are escaped."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return _as_pulumi(text, html)


def indented(value: Any, indent: int = 2, *, html: bool = False) -> str:
    """The value on several lines."""
    return _as_pulumi(json.dumps(value, indent=indent, ensure_ascii=False), html)


def _as_pulumi(text: str, html: bool) -> str:
    for character, escaped in (*_ALWAYS, *_FOR_HTML) if html else _ALWAYS:
        if character in text:
            text = text.replace(character, escaped)
    return _TOKEN.sub(_number, text) if _SMALL.search(text) else text


def _number(token: re.Match[str]) -> str:
    """A small number: without an exponent down to a millionth, below with one that has no zero in front."""
    sign, first, rest, exponent = token.groups()
    if first is None:
        return token.group()
    zeros = int(exponent)
    if zeros <= 6:
        return f"{sign}0.{'0' * (zeros - 1)}{first}{rest or ''}"
    return f"{sign}{first}{'.' + rest if rest else ''}e-{zeros}"

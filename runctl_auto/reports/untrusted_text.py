"""Untrusted text in reports: as it can do nothing where the report is shown.

Names, messages and paths come from files, clouds and jobs. In markdown each is code, with every character
that could end it, begin markup, a link or a mention written as its number: addresses are links in code, too,
unless their colons, slashes and dots are numbers.
"""

from __future__ import annotations

import re

from runctl_auto.local.plain_text import plain_text
from runctl_auto.local.printable import printable

_AS_IT_IS = re.compile(r"[^A-Za-z0-9 \u00a0-\U0010ffff-]")
_OF_A_PAGE = re.compile(r"[<>&\"']")
_CUT = "…"
_HIDDEN = re.compile("[\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
"""Characters of no width, and those that turn the direction of what follows."""


def code(text: str, limit: int = 200) -> str:
    """``text`` on one line, as code in markdown."""
    return f"<code>{_AS_IT_IS.sub(_number, one_line(text, limit))}</code>"


def block(text: str, limit: int) -> str:
    """``text`` with its lines, as a block of code in markdown that nothing in it ends."""
    lines = [one_line(line, limit) for line in plain_text(text).split("\n")]
    shown = shortened("\n".join(lines), limit)
    return f"<pre>{_OF_A_PAGE.sub(_number, shown)}</pre>"


def one_line(text: str, limit: int) -> str:
    """``text`` on one line of at most ``limit`` characters, without characters that are not seen."""
    return shortened(printable(_HIDDEN.sub("", text[: 4 * limit])), limit)


def shortened(text: str, limit: int) -> str:
    """``text``, cut to ``limit`` characters."""
    return text if len(text) <= limit else text[: limit - 1] + _CUT


def _number(found: re.Match[str]) -> str:
    return f"&#{ord(found[0])};"

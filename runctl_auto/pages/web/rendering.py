"""Turns what was looked at into pages. Every text is escaped, and shown on one line."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from runctl_auto.cost.amount import Amount
from runctl_auto.local.printable import printable
from runctl_auto.pages.web.links import Links
from runctl_auto.reports.figures import moment, rate_text, short_age, spent_text

_FOLDER = Path(__file__).parent
MOST_CHARACTERS = 300


class Lines(str):
    """Text that was made safe line by line: its line breaks and tabs stay. It is escaped all the same."""

    __slots__ = ()


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    found.filters.update(
        age=short_age,
        moment=moment,
        day=lambda at: f"{at:%Y-%m-%d}",
        clock=lambda at: f"{at:%Y-%m-%d %H:%M:%S}Z",
        spent=spent_text,
        rate=lambda usd: rate_text(Amount(usd)),
        cut=_cut,
        lines=lambda lines: Lines("\n".join(lines)),
        path=lambda text: quote(text, safe=""),
    )
    return found


@cache
def asset(name: str) -> str:
    """The text of a style sheet or script."""
    return (_FOLDER / "assets" / name).read_text(encoding="utf-8")


@cache
def style_digest() -> str:
    """The style sheet as a content-security policy names it."""
    digest = hashlib.sha256(asset("style.css").encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def render(template: str, links: Links, at: datetime | None, values: Mapping[str, Any]) -> str:
    """The page ``template``. ``links`` are those between pages, ``at`` the time of what it shows."""
    more: dict[str, Any] = {"links": links, "at": at}
    if links.is_export:
        more |= {"style": asset("style.css"), "style_digest": style_digest()}
    return _environment().get_template(f"{template}.html.j2").render({**more, **values})


def _cut(text: str, most: int = MOST_CHARACTERS) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _shown(value: Any) -> Any:
    """What is put into a page. Markup and lines are known to be safe, all other text is not."""
    if isinstance(value, str) and not hasattr(value, "__html__") and not isinstance(value, Lines):
        return printable(value)
    return value

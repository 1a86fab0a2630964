"""The option that chooses one of several machines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def rank_option() -> Callable[[CommandT], CommandT]:
    """``--rank``: 0 unless given."""
    return click.option(
        "--rank",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        metavar="N",
        help="Of several machines this one.",
    )

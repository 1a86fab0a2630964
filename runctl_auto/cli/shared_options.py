"""Single options that several commands have alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from runctl_auto.agent.contract import GRACE_SECONDS

Decorator = Callable[[Any], Any]


def yes_option(what: str = "Apply") -> Decorator:
    """``--yes``: ``what`` is then done without asking."""
    return click.option("--yes", "-y", is_flag=True, help=f"{what} without asking.")


def grace_option(text: str) -> Decorator:
    """``--grace``, in seconds; ``text`` is its help."""
    return click.option(
        "--grace", type=click.IntRange(0, 3600), default=GRACE_SECONDS, show_default=True, help=text
    )


no_policy_option = click.option(
    "--no-policy", is_flag=True, help="Skip the policy pack, if the settings allow it."
)
confirm_option = click.option(
    "--confirm",
    metavar="NAME",
    multiple=True,
    help="Answer to that question, for scripts; --yes does not answer it.",
)

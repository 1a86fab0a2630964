"""Options and arguments of commands about volumes and snapshots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

YES = click.option("--yes", "-y", is_flag=True, help="Apply without asking.")
PROTECT = click.option("--protect", is_flag=True, help="Protect it from deletion.")
TAGS = click.option(
    "--tag", "tags", multiple=True, metavar="KEY=VALUE", help="A tag of your own. Repeatable."
)


def tags_of(given: tuple[str, ...]) -> dict[str, str]:
    """The tags ``KEY=VALUE``, as a job file may have them."""
    from pydantic import TypeAdapter, ValidationError

    from runctl_auto.job_file.field_types import TagKey, TagValue

    pairs = dict(text.partition("=")[::2] for text in given)
    try:
        return TypeAdapter(dict[TagKey, TagValue]).validate_python(pairs)
    except ValidationError as error:
        raise click.BadParameter(f"--tag: {error.errors()[0]['msg']}") from error


def removal_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of ``rm``."""
    for option in (
        click.option(
            "--confirm",
            metavar="NAME",
            multiple=True,
            help="Answer to that question, for scripts; --yes does not answer it.",
        ),
        click.option(
            "--include-protected", is_flag=True, help="Also if it is protected, after asking for its name."
        ),
        YES,
    ):
        command = option(command)
    return command

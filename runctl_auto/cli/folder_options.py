"""The options that `plan` and `apply` share: which part of a folder, and how many engines at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

CommandT = TypeVar("CommandT", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--only",
        multiple=True,
        metavar="GLOB",
        help="Only jobs whose name or file matches, such as 'team-a/*' or 'nlp-*'. Repeatable.",
    ),
    click.option(
        "--changed-since",
        metavar="GITREF",
        help="Only jobs of which the file, the code or something else they read changed since a commit, "
        "such as origin/main.",
    ),
    click.option(
        "--prune", is_flag=True, help="End jobs that were applied from this folder and whose files are gone."
    ),
    click.option("--adopt", is_flag=True, help="Take over jobs that were applied from another repository."),
    click.option(
        "--parallel",
        type=click.IntRange(1, 64),
        default=4,
        show_default=True,
        metavar="N",
        help="How many jobs are worked on at once.",
    ),
    click.option(
        "--policy-base",
        type=click.Path(path_type=Path, readable=False),
        metavar="PATH",
        help="Checkout of the base branch, or a policies file, that policies.yaml may tighten and not "
        "loosen.",
    ),
    click.option("--no-policy", is_flag=True, help="Skip the policy pack, if the settings allow it."),
)


def folder_options(command: CommandT) -> CommandT:
    """Adds the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command

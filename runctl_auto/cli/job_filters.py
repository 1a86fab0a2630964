"""Options that choose jobs of the backend, the same for every command that has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from runctl_auto.cli.option_group import CommandT, option_group
from runctl_auto.cli.quantity_types import Duration

if TYPE_CHECKING:
    from runctl_auto.jobs.filters import Filters

_OPTIONS = (
    click.option("--tag", "tags", multiple=True, metavar="KEY[=VALUE]", help="Only jobs with this tag."),
    click.option("--project", "projects", multiple=True, metavar="NAME", help="Only jobs of this project."),
    click.option("--owner", "owners", multiple=True, metavar="NAME", help="Only jobs of this owner."),
    click.option(
        "--phase", "phases", multiple=True, metavar="PHASE", help="Only jobs whose run is in this phase."
    ),
)
_AGE = click.option(
    "--older-than",
    type=Duration(),
    help="Only jobs whose run started longer ago, such as 12h or 7d.",
)


def job_filters(*, age: bool = False) -> Callable[[CommandT], CommandT]:
    """Adds the options to a command, which gets ``Filters``; with ``age`` also that of the run."""
    names = ("tags", "projects", "owners", "phases", *(("older_than",) if age else ()))
    return option_group("filters", (*_OPTIONS, _AGE) if age else _OPTIONS, filters_of, names)


def filters_of(
    tags: Sequence[str],
    projects: Sequence[str],
    owners: Sequence[str],
    phases: Sequence[str],
    older_than: int | None = None,
) -> Filters:
    """What the options say. Raises ``click.BadParameter`` for a phase that is none."""
    from runctl_auto.jobs.filters import Filters

    return Filters(
        tags={key: value if equals else None for key, equals, value in (tag.partition("=") for tag in tags)},
        projects=frozenset(projects),
        owners=frozenset(owners),
        phases=_known(phases),
        older_than=older_than,
    )


def _known(phases: Sequence[str]) -> frozenset[str]:
    from runctl_auto.agent.contract import PHASES
    from runctl_auto.run.status import LOST

    known = sorted({*PHASES, LOST, "starting"})
    for phase in phases:
        if phase not in known:
            raise click.BadParameter(f"{phase!r} is no phase; phases are {', '.join(known)}.")
    return frozenset(phases)

"""The options that `plan` and `apply` share: which part of a folder, by which policies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runctl_auto.cli.option_group import option_group
from runctl_auto.cli.shared_options import no_policy_option

if TYPE_CHECKING:
    from runctl_auto.jobs.folder.options import FolderOptions

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
    click.option(
        "--refresh",
        is_flag=True,
        help="Compare unchanged jobs with the cloud too: what others have changed of them is undone; "
        "`runctl drift` shows what.",
    ),
    click.option("--adopt", is_flag=True, help="Take over jobs that were applied from another repository."),
    click.option(
        "--policy-base",
        type=click.Path(path_type=Path, readable=False),
        metavar="PATH",
        help="Checkout of the base branch, or a policies file, that policies.yaml may tighten and not "
        "loosen.",
    ),
    no_policy_option,
)


@dataclass(frozen=True, kw_only=True)
class FolderChoice:
    """The values of the options."""

    only: tuple[str, ...]
    changed_since: str | None
    prune: bool
    refresh: bool
    adopt: bool
    policy_base: Path | None
    no_policy: bool

    @property
    def is_whole(self) -> bool:
        """Whether nothing was said of which jobs, and what becomes of them."""
        no_part = not self.only and self.changed_since is None
        return no_part and not self.prune and not self.refresh and not self.adopt

    def options(self) -> FolderOptions:
        """As what plans a folder takes them."""
        from runctl_auto.jobs.folder.options import FolderOptions

        return FolderOptions(
            only=self.only,
            changed_since=self.changed_since,
            prune=self.prune,
            adopt=self.adopt,
            refresh=self.refresh,
        )


folder_options = option_group("chosen", _OPTIONS, FolderChoice, tuple(FolderChoice.__dataclass_fields__))
"""Adds the options to a command, which gets a ``FolderChoice``."""

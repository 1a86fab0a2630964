"""``rm`` of volumes and snapshots."""

from __future__ import annotations

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.job_names import StorageName
from runctl_auto.cli.shared_options import confirm_option
from runctl_auto.cli.storage_options import YES
from runctl_auto.stack.kinds import StorageKind


def removal(kind: StorageKind, *, text: str) -> click.Command:
    """The command ``rm NAME``, of which ``text`` is the help."""

    @click.command("rm", help=text, short_help=f"Delete a {kind} and verify that nothing is left.")
    @click.argument("name", type=StorageName(kind))
    @YES
    @click.option(
        "--include-protected", is_flag=True, help="Also if it is protected, after asking for its name."
    )
    @confirm_option
    @click.pass_obj
    def rm(
        invocation: Invocation, name: str, yes: bool, include_protected: bool, confirm: tuple[str, ...]
    ) -> None:
        from runctl_auto.cli.views.storage import remove_and_show

        remove_and_show(invocation, kind, name, yes=yes, include_protected=include_protected, confirm=confirm)

    return rm

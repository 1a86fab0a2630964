"""``runctl setup``."""

from __future__ import annotations

import os

import click

from runctl_auto.cli.invocation import Invocation


@click.command(help="Install the Pulumi CLI that this version of runctl was built for.")
@click.pass_obj
def command(invocation: Invocation) -> None:
    from runctl_auto.engine.automation_edge import install_cli
    from runctl_auto.environment import setup_folder

    folder = setup_folder(os.environ)
    with invocation.console.working("installing Pulumi's CLI"):
        version = install_cli(folder)
    invocation.console.result({"folder": str(folder), "version": version})
    invocation.console.line(f"Pulumi {version} is in {folder / 'bin'}; runctl finds it there.")

"""``runctl setup``."""

from __future__ import annotations

import os

import click

from runctl_auto.cli.invocation import Invocation


@click.command(
    help="Install the Pulumi CLI that this version of runctl was built for, and its plugin for AWS. Real "
    "clouds need them, the sandbox does not. What is there already stays."
)
@click.pass_obj
def command(invocation: Invocation) -> None:
    from importlib.metadata import version

    from runctl_auto.engine.automation_edge import install_cli, install_plugin
    from runctl_auto.engine.environment import setup_folder

    console, folder, wanted = invocation.console, setup_folder(os.environ), version("pulumi_aws")
    with console.working("installing Pulumi's CLI"):
        installed = install_cli(folder)
    with console.working(f"installing the plugin aws {wanted}"):
        is_new = install_plugin(folder, "aws", wanted)
    console.result(
        {
            "folder": str(folder),
            "version": installed,
            "plugins": [{"name": "aws", "version": wanted, "installed": is_new}],
        }
    )
    console.line(f"Pulumi {installed} is in {folder / 'bin'}; runctl finds it there.")
    console.line(f"Its plugin aws {wanted} is {'installed' if is_new else 'there already'}.")

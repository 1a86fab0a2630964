"""``runctl version``."""

from __future__ import annotations

import click

from runctl_auto.cli.invocation import Invocation


@click.command(help="Print the version of runctl and of the Pulumi SDK it was built for.")
@click.pass_obj
def command(invocation: Invocation) -> None:
    from importlib.metadata import version

    versions = {"runctl": version("runctl"), "pulumi": version("pulumi")}
    invocation.console.result(versions)
    invocation.console.line(f"runctl {versions['runctl']} (pulumi {versions['pulumi']})")

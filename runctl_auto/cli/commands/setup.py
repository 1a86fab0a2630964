"""``runctl setup``."""

from __future__ import annotations

import os
import sys

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.errors import ExitCode


@click.command(
    help="Install the Pulumi engine that this version of runctl was made for, and its AWS plugin. A "
    "compatible pulumi on PATH is used as it is. The engine is downloaded, or built from source where the "
    "download cannot be reached. With --sandbox no plugin is installed."
)
@click.option(
    "--source",
    type=click.Choice(["auto", "download", "build"]),
    default="auto",
    show_default=True,
    help="Where the engine comes from.",
)
@click.pass_obj
def command(invocation: Invocation, source: str) -> None:
    from runctl_auto.engine.install.stage_line import StageLine
    from runctl_auto.operations.setup import setup

    console, settings = invocation.console, invocation.settings()
    line = StageLine(sys.stderr)
    try:
        done = setup(settings, os.environ, source, line)  # type: ignore[arg-type]  # click checks the words
    finally:
        line.close()
    console.result(done.as_json())
    engine = done.engine
    took = f", {done.how} in {done.seconds:.0f} s" if done.how else ""
    console.line(f"Engine: pulumi {engine.version} in {engine.folder} ({engine.why}{took}).")
    for plugin in done.plugins:
        if plugin.problem:
            console.line(f"Plugin {plugin.name} {plugin.version}: not installed; real clouds need it.")
            console.line(f"  {plugin.problem}")
        else:
            state = "installed" if plugin.installed else "already installed"
            console.line(f"Plugin {plugin.name} {plugin.version}: {state}.")
    if any(plugin.problem for plugin in done.plugins):
        raise click.exceptions.Exit(ExitCode.FAILURE)

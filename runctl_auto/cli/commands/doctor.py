"""``runctl doctor``."""

from __future__ import annotations

import os

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.errors import ExitCode
from runctl_auto.local.printable import printable

_MARKS = {"ok": ("ok", "green"), "note": ("note", "yellow"), "problem": ("problem", "red")}


@click.command(
    help="Check that everything runctl needs is installed and reachable: versions, engine, backend, "
    "credentials, region, quotas, sandbox. Prints a fix for each problem; exits with 1 if there is one."
)
@click.option("--region", metavar="REGION", help="The region to check; default: that of your AWS settings.")
@click.pass_obj
def command(invocation: Invocation, region: str | None) -> int:
    from runctl_auto.engine.environment import engine_caller, make_provider
    from runctl_auto.operations.doctor import Finding, Practice, examine

    console = invocation.console
    practice = Practice(
        folders=invocation.folders(),
        environ=os.environ,
        load_settings=invocation.settings,
        make_provider=make_provider,
        engine_caller=engine_caller,
        progress=console.say,
        region=region,
    )
    found: list[Finding] = []
    with console.working("looking", after=1.0):
        for finding in examine(practice):
            found.append(finding)
            word, colour = _MARKS[finding.verdict]
            first, *others = finding.what.splitlines() or [""]
            mark = console.painted(f"{word:<8}", colour=colour)
            console.line(f"{mark} {finding.subject + ':':<12} {printable(first)}")
            for line in others:
                console.line(f"{'':<8} {'':<12} {printable(line)}")
            if finding.fix:
                console.line(f"{'':<8} {'':<12} {finding.fix}")
    is_well = all(each.verdict != "problem" for each in found)
    console.result({"ok": is_well, "findings": [each.as_json() for each in found]})
    return int(ExitCode.DONE if is_well else ExitCode.FAILURE)

"""``runctl env``."""

from __future__ import annotations

import os
import shlex

import click

from runctl_auto.cli.invocation import Invocation


@click.command(
    help="Print the environment variables that plain `pulumi` needs for JOB, and other programs for the same "
    'account: eval "$(runctl env JOB)". Without JOB, those that every job has.'
)
@click.argument("job", required=False)
@click.pass_obj
def command(invocation: Invocation, job: str | None) -> None:
    session = invocation.session() if job is None else invocation.session_of(job)
    if job is not None:
        with invocation.console.working(f"looking at job '{job}'", after=1.0):
            session.stack(job).open()
    place = session.environment
    path = os.pathsep.join([str(place.engine.folder), os.environ.get("PATH", os.defpath)])
    variables = {**place.variables, "PATH": path}
    folder = str(session.folders.workspace())
    invocation.console.result(
        {"set": variables, "unset": list(place.removed), "folder": folder, "stack": job}
    )
    for name in place.removed:
        invocation.console.line(f"unset {name}")
    for name, value in variables.items():
        invocation.console.line(f"export {name}={shlex.quote(value)}")
    if job is not None:
        invocation.console.line(f"# then, in {folder}: pulumi preview -s {job}")

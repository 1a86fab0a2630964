"""``runctl outputs``."""

from __future__ import annotations

import json

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.views.remote_text import printer


@click.command(help="Print the outputs of JOB's stack.")
@click.argument("job")
@click.pass_obj
def command(invocation: Invocation, job: str) -> None:
    from runctl_auto.operations.outputs import outputs

    found = outputs(invocation.session_of(job), job)
    invocation.console.result(found)
    for name, value in found.items():
        text = value if isinstance(value, str) else json.dumps(value)
        printer(invocation.console)(f"{name}: {text}")

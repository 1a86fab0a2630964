"""``runctl schema``."""

from __future__ import annotations

import click

from runctl_auto.cli.invocation import Invocation


@click.command(help="Print the JSON schema of job files, for editors: runctl schema > job.schema.json")
@click.pass_obj
def command(invocation: Invocation) -> None:
    import json

    from runctl_auto.job_file.schema import job_schema

    invocation.console.text(json.dumps(job_schema(), indent=2))

"""``runctl schema``."""

from __future__ import annotations

import json

import click


@click.command(help="Print the JSON schema of job files, for editors: runctl schema > job.schema.json")
def command() -> None:
    from runctl_auto.job_file.schema import job_schema

    click.echo(json.dumps(job_schema(), indent=2))

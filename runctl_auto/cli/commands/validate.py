"""``runctl validate``."""

from __future__ import annotations

from pathlib import Path

import click

from runctl_auto.cli.invocation import Invocation


@click.command(help="Check JOB_FILE and its work folder, and list every problem.")
@click.argument("job_file", type=click.Path(path_type=Path, readable=False))
@click.pass_obj
def command(invocation: Invocation, job_file: Path) -> None:
    from runctl_auto.job_file.support import unsupported
    from runctl_auto.jobs.check import check_files

    spec = check_files(job_file).spec
    refused = [str(each) for each in unsupported(spec)]
    invocation.console.result(
        {"valid": True, "job": spec.model_dump(mode="json"), "not_supported_yet": refused}
    )
    invocation.console.line(f"{job_file} is valid: job '{spec.name}' on {spec.provider}, {spec.region}")
    for each in refused:
        invocation.console.line(f"  `up` refuses it: {each}")

"""``runctl validate``."""

from __future__ import annotations

from pathlib import Path

import click

from runctl_auto.cli.invocation import Invocation


@click.command(help="Check JOB_FILE and its work folder, and list every problem.")
@click.argument("job_file", type=click.Path(path_type=Path, readable=False))
@click.option(
    "--show-files", is_flag=True, help="List every file that travels, and what is left out and why."
)
@click.pass_obj
def command(invocation: Invocation, job_file: Path, show_files: bool) -> None:
    from runctl_auto.cli.views.work_folder import work_folder_json, work_folder_lines
    from runctl_auto.job_file.support import unsupported
    from runctl_auto.jobs.check import check_files

    job = check_files(job_file)
    spec = job.spec
    refused = [str(each) for each in unsupported(spec)]
    invocation.console.result(
        {
            "valid": True,
            "job": spec.model_dump(mode="json"),
            "not_supported_yet": refused,
            "work_folder": work_folder_json(job.work_folder, every_file=show_files),
        }
    )
    where = " or ".join(spec.clouds) or spec.provider
    invocation.console.line(f"{job_file} is valid: job '{spec.name}' on {where}, {spec.region}")
    for each in refused:
        invocation.console.line(f"  `up` refuses it: {each}")
    for each in work_folder_lines(job.work_folder, every_file=show_files):
        invocation.console.line(f"  {each}")

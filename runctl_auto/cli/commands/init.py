"""``runctl init``."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.shared_options import yes_option
from runctl_auto.errors import UsageError

if TYPE_CHECKING:
    from runctl_auto.job_file.conversion.draft import Remark
    from runctl_auto.job_file.spec import JobSpec

SCHEMA_FILE = "job.schema.json"


@click.command(
    help="Create a job file, JOB_FILE (default: job.yaml), and its JSON schema for editors. Asks for values "
    "that no option gives, unless --yes. --from FILE converts a task file of SkyPilot or dstack. --repo "
    "writes a repository of jobs into the folder JOB_FILE (default: this one): a first job, policies, and "
    "pipelines that plan and apply it."
)
@click.argument("job_file", type=click.Path(path_type=Path, readable=False), required=False)
@click.option("--repo", "is_repository", is_flag=True, help="Write a repository of jobs.")
@click.option(
    "--pipelines",
    type=click.Choice(["github", "gitlab"]),
    multiple=True,
    default=("github",),
    show_default=True,
    help="With --repo: whose pipelines are written. Repeatable.",
)
@click.option(
    "--from",
    "source",
    metavar="FILE",
    type=click.Path(path_type=Path, readable=False),
    help="Task file of SkyPilot or dstack to convert; comments say what was not taken over.",
)
@click.option("--name", help="Name of the job; default: the name of the folder.")
@click.option(
    "--run",
    "command_line",
    metavar="COMMAND",
    help="Command that trains; default: derived from the files in the folder.",
)
@click.option("--region", help="Cloud region; default: AWS_REGION, else us-east-1.")
@click.option(
    "--spot-policy",
    type=click.Choice(["spot", "on-demand", "auto"]),
    help="Market of the machines; default: auto.",
)
@click.option("--force", is_flag=True, help="Overwrite an existing job file.")
@yes_option("Use the defaults")
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    job_file: Path | None,
    *,
    is_repository: bool,
    pipelines: tuple[Any, ...],
    source: Path | None,
    name: str | None,
    command_line: str | None,
    region: str | None,
    spot_policy: Any,
    force: bool,
    yes: bool,
) -> None:
    from runctl_auto.job_file.first_job import FirstJob, job_text, suggested_command, suggested_name

    if is_repository:
        if force or any(each is not None for each in (source, name, command_line, spot_policy)):
            raise UsageError("--repo goes with --region and --pipelines alone.")
        _scaffold(invocation, job_file or Path(), region or _default_region(), pipelines)
        return
    job_file = job_file or Path("job.yaml")
    asks = not yes and sys.stdin.isatty()
    _require_folder_of(job_file)
    if source is not None:
        if command_line is not None:
            raise UsageError("--run and --from exclude each other.", next_step="Give one of the two.")
        _require_absent(job_file, force=force, asks=asks)
        _convert(invocation, job_file, source, name=name, region=region, spot_policy=spot_policy)
        return
    if not asks and not yes and command_line is None:
        raise UsageError(
            "There is no terminal to ask on.", next_step="Give --run COMMAND, or --yes for the defaults."
        )
    _require_absent(job_file, force=force, asks=asks)
    run, setup = suggested_command(job_file.parent)
    name = name or _asked("Name of the job", suggested_name(job_file.parent.resolve()), asks)
    command_line = command_line or _asked("Command that trains", run, asks)
    if spot_policy is None:
        spot = not asks or click.confirm("Spot machines, cheaper and interruptible?", default=True, err=True)
        spot_policy = "auto" if spot else "on-demand"
    job = FirstJob(
        name=name,
        run=command_line,
        setup=setup if ".venv/" in command_line else None,
        region=region or _default_region(),
        spot_policy=spot_policy,
    )
    schema_file = _schema_file(invocation)
    spec = _write(invocation, job_file, job_text(job, _relative(schema_file, job_file)), schema_file)
    _tell(invocation, job_file, schema_file, spec)
    invocation.console.line(f"Wrote {job_file}: job '{job.name}' runs {job.run.splitlines()[0]}")
    _tell_next(invocation, job_file)


def _scaffold(invocation: Invocation, folder: Path, region: str, pipelines: tuple[Any, ...]) -> None:
    from runctl_auto.job_file.first_job import suggested_name
    from runctl_auto.reports.pipelines.repository import JOBS, RepositoryOptions, scaffold

    options = RepositoryOptions(
        owner=suggested_name(folder.resolve()), region=region, forges=tuple(dict.fromkeys(pipelines))
    )
    done = scaffold(folder, options)
    invocation.console.result({"folder": str(folder), "written": list(done.written), "kept": list(done.kept)})
    line = invocation.console.line
    for each in done.written:
        line(f"Wrote {folder / each}")
    for each in done.kept:
        line(f"  kept {folder / each}, which was there")
    line(f"  runctl --sandbox plan {folder / JOBS}    show what applying does, on this machine alone")
    line(f"  {folder / 'README.md'}    says which variables the pipelines need")


def _convert(
    invocation: Invocation,
    job_file: Path,
    source: Path,
    *,
    name: str | None,
    region: str | None,
    spot_policy: str | None,
) -> None:
    from runctl_auto.job_file.conversion.convert import convert

    schema_file = _schema_file(invocation)
    converted = convert(
        source,
        schema=_relative(schema_file, job_file),
        region=region or _default_region(),
        name=name,
        spot_policy=spot_policy,
    )
    spec = _write(invocation, job_file, converted.text, schema_file)
    _tell(invocation, job_file, schema_file, spec, converted.remarks)
    line = invocation.console.line
    line(f"Wrote {job_file}: job '{converted.name}', from {source}, a task of {converted.tool}")
    for remark in converted.remarks:
        line(f"  {remark}")
    _tell_next(invocation, job_file)


def _default_region() -> str:
    return os.environ.get("AWS_REGION") or "us-east-1"


def _tell(
    invocation: Invocation,
    job_file: Path,
    schema_file: Path,
    job: dict[str, Any],
    remarks: Sequence[Remark] = (),
) -> None:
    told = [{"line": each.line, "field": each.field, "text": each.text} for each in remarks]
    invocation.console.result(
        {"file": str(job_file), "schema_file": str(schema_file), "job": job, "not_taken_over": told}
    )


def _tell_next(invocation: Invocation, job_file: Path) -> None:
    for line in (
        f"  runctl validate {job_file}        check it",
        f"  runctl --sandbox up {job_file}    try it on this machine",
        f"  runctl up {job_file}              train in the cloud",
    ):
        invocation.console.line(line)


def _asked(question: str, default: str, asks: bool) -> str:
    return str(click.prompt(question, default=default, err=True)) if asks else default


def _require_folder_of(job_file: Path) -> None:
    if not job_file.parent.is_dir():
        raise UsageError(
            f"There is no folder {job_file.parent}.", next_step="Make it, or name another JOB_FILE."
        )


def _require_absent(job_file: Path, *, force: bool, asks: bool) -> None:
    if force or not os.path.lexists(job_file):
        return
    if asks and click.confirm(f"{job_file} exists. Overwrite it?", default=False, err=True):
        return
    raise UsageError(
        f"{job_file} exists, and nothing was written.",
        where={"file": str(job_file)},
        next_step="Name another JOB_FILE, or overwrite it with --force.",
    )


def _schema_file(invocation: Invocation) -> Path:
    return invocation.folders().private / SCHEMA_FILE


def _relative(schema_file: Path, job_file: Path) -> str:
    return os.path.relpath(schema_file, job_file.parent.resolve())


def _write(invocation: Invocation, job_file: Path, text: str, schema_file: Path) -> dict[str, Any]:
    """Writes the job file, after validating it, and the schema; returns the job."""
    from runctl_auto.job_file.schema import job_schema
    from runctl_auto.local.atomic_file import replace_file
    from runctl_auto.local.private_folder import replace_private
    from runctl_auto.local.project import left_by_link

    if left_by_link(job_file) is not None:
        raise UsageError(
            f"{job_file} is a link that leads out of the project, and was not written through.",
            where={"file": str(job_file)},
            next_step="Remove the link, or name another JOB_FILE.",
        )
    spec = _read_back(text)
    invocation.folders().make_private()
    try:
        replace_private(schema_file, json.dumps(job_schema(), indent=2) + "\n")
        replace_file(job_file, text)
    except OSError as error:
        raise UsageError(
            f"{error.filename or job_file} cannot be written: {error.strerror}", where={"file": str(job_file)}
        ) from error
    return spec.model_dump(mode="json")


def _read_back(text: str) -> JobSpec:
    from runctl_auto.errors import JobFileError
    from runctl_auto.job_file.load import load_job_file

    with tempfile.TemporaryDirectory(prefix="runctl-init-") as folder:
        draft = Path(folder) / "job.yaml"
        draft.write_text(text, encoding="utf-8", errors="replace")
        try:
            return load_job_file(draft).spec
        except JobFileError as error:
            wrong = [str(each).removeprefix(f"{draft}:").partition(": ")[2] for each in error.problems]
            raise UsageError(
                f"The job file would not be valid, and was not written: {'; '.join(wrong)}.",
                next_step="Repeat with other values.",
            ) from None

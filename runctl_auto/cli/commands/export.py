"""``runctl export``: what other tools need to run jobs and to follow them."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.job_names import JobName
from runctl_auto.cli.option_group import CommandT

if TYPE_CHECKING:
    from runctl_auto.jobs.folder.entry import Failure
    from runctl_auto.operations.export_tracking import Tracker
    from runctl_auto.reports.pipelines.operator import FiledJob


@click.group(help="Write what other tools need to run jobs and to follow them.")
def command() -> None:
    pass


@command.command(
    "component",
    short_help="Print the folder of the component TrainingJob.",
    help="Print the folder of the component TrainingJob, for `pulumi package add FOLDER`, and the variables "
    "that its plugin needs.",
)
@click.pass_obj
def component(invocation: Invocation) -> None:
    from runctl_auto.local.project import installed_program

    folder = installed_program() / "training_job"
    variables = {"PULUMI_PYTHON_CMD": sys.executable}
    invocation.console.result({"folder": str(folder), "set": variables})
    for name, value in variables.items():
        invocation.console.line(f"export {name}={shlex.quote(value)}")
    invocation.console.line(f"# then, in the folder of your program: pulumi package add {folder}")


@command.command(
    "operator",
    short_help="Write manifests for the Pulumi Kubernetes Operator.",
    help="Write a `Stack` of the Pulumi Kubernetes Operator for each job below FOLDER, the service account, "
    "and a Dockerfile of the image that runs them. Writes no secret: manifests name the keys of Secrets.",
)
@click.argument("folder", type=click.Path(path_type=Path, readable=False))
@click.option("--image", required=True, help="Image that was built from the Dockerfile, with its digest.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, readable=False),
    default="operator",
    show_default=True,
    metavar="FOLDER",
    help="Where the manifests are written; those of an earlier export are replaced.",
)
@click.option("--backend", metavar="URL", help="Where the state is; default: the setting engine.backend.")
@click.option("--namespace", default="default", show_default=True, help="Kubernetes namespace.")
@click.option("--service-account", default="runctl", show_default=True, help="Account of the workspaces.")
@click.option("--role", metavar="ARN", help="On EKS: the role of the workspaces' account.")
@click.option("--prefix", default="", help="Begins the name of each Stack, such as team-a-.")
@click.option("--destroy", is_flag=True, help="Deleting a Stack destroys its job.")
@click.pass_obj
def operator(
    invocation: Invocation,
    /,
    folder: Path,
    *,
    image: str,
    out: Path,
    backend: str | None,
    namespace: str,
    service_account: str,
    role: str | None,
    prefix: str,
    destroy: bool,
) -> int:
    from runctl_auto.errors import ExitCode, UsageError
    from runctl_auto.jobs.folder.entry import exit_code_of
    from runctl_auto.local.printable import printable
    from runctl_auto.reports.pipelines.operator import OperatorOptions
    from runctl_auto.reports.pipelines.operator_files import write_operator_files

    settings = invocation.settings()
    where = backend or settings.engine.backend
    if where is None or where.startswith("file:"):
        raise UsageError(
            "The operator needs a backend that all machines reach.",
            next_step="Give --backend, such as s3://our-runctl-state?region=us-east-1.",
        )
    options = OperatorOptions(
        image=image,
        backend=where,
        secrets_provider=settings.engine.secrets_provider,
        namespace=namespace,
        service_account=service_account,
        role=role,
        prefix=prefix,
        destroy=destroy,
    )
    jobs, failures = _jobs(invocation, folder)
    files = write_operator_files(out, jobs, options)
    told = [each.as_json() for each in failures]
    invocation.console.result({"files": [str(each) for each in files], "jobs": len(jobs), "errors": told})
    for file in files:
        invocation.console.line(f"wrote {file}")
    for each in failures:
        invocation.console.say(printable(each.text))
    return int(exit_code_of(failures)) if failures else int(ExitCode.DONE)


@command.command(
    "monitoring",
    short_help="Write alerts and a dashboard for Prometheus and Grafana.",
    help="Write to DIR what Prometheus and Grafana need for the metrics of `runctl exporter`: a "
    "configuration, alerts and a dashboard.",
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.pass_obj
def monitoring(invocation: Invocation, folder: Path) -> None:
    from runctl_auto.operations.export_monitoring import export_monitoring

    written = export_monitoring(folder)
    invocation.console.result({"files": [str(each) for each in written]})
    for file in written:
        invocation.console.line(f"wrote {file}")


def _tracked(folder: str, help_text: str) -> Callable[[CommandT], CommandT]:
    """Adds what a tracker is told: the runs, and where they are written, ``folder`` unless said otherwise."""
    runs = click.argument("runs", nargs=-1, required=True, type=JobName(), metavar="RUN...")
    out = click.option(
        "--out",
        type=click.Path(path_type=Path),
        default=folder,
        show_default=True,
        metavar="FOLDER",
        help=help_text,
    )
    return lambda command: runs(out(command))


@command.command(
    "mlflow",
    short_help="Write the metrics of runs to a file store of MLflow.",
    help="Write the metrics of runs to a file store of MLflow, which must be installed. A run is JOB, for "
    "its present run, or JOB/RUN.",
)
@_tracked("mlruns", "The file store.")
@click.pass_obj
def mlflow(invocation: Invocation, runs: tuple[str, ...], out: Path) -> None:
    _track(invocation, "mlflow", runs, out)


@command.command(
    "wandb",
    short_help="Write the metrics of runs for Weights & Biases.",
    help="Write the metrics of runs as offline runs of Weights & Biases, which must be installed; `wandb "
    "sync` uploads them. A run is JOB, for its present run, or JOB/RUN.",
)
@_tracked(".", "Where the folder wandb/ is written.")
@click.pass_obj
def wandb(invocation: Invocation, runs: tuple[str, ...], out: Path) -> None:
    _track(invocation, "wandb", runs, out)


def _track(invocation: Invocation, tracker: Tracker, runs: tuple[str, ...], out: Path) -> None:
    from runctl_auto.jobs.run_metrics import RunName
    from runctl_auto.operations.export_tracking import export_tracking

    wanted = [RunName.of(each) for each in runs]
    written = export_tracking(invocation.session_of(*runs), tracker, wanted, out)
    invocation.console.result({"folder": str(out), "runs": list(written)})
    for each in written:
        invocation.console.line(f"wrote {each}")


def _jobs(invocation: Invocation, folder: Path) -> tuple[list[FiledJob], list[Failure]]:
    """The jobs below ``folder``, with their paths in the project, and why others are none."""
    from runctl_auto.jobs.folder.entry import failure_of
    from runctl_auto.jobs.folder.job_files import read_job_files
    from runctl_auto.jobs.folder.work_folders import WorkFolders
    from runctl_auto.reports.pipelines.operator import FiledJob

    root = invocation.folders().root
    jobs, failures = [], []
    for each in read_job_files(folder, WorkFolders().check).files:
        if each.checked is not None:
            jobs.append(FiledJob(each.checked.spec, each.path.resolve().relative_to(root).as_posix()))
        elif each.error is not None:
            failures.append(failure_of(each.error))
    return jobs, failures

"""``runctl up``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.shared_options import grace_option, no_policy_option, yes_option
from runctl_auto.cli.views.remote_text import printer
from runctl_auto.local.plain_text import plain_text

if TYPE_CHECKING:
    from runctl_auto.job_file.spec import CloudName
    from runctl_auto.jobs.up_result import UpResult


@click.command(help="Create or update the job in JOB_FILE, follow its training and fetch the results.")
@click.argument("job_file", type=click.Path(path_type=Path, readable=False))
@yes_option()
@click.option("--detach", "-d", is_flag=True, help="Return once the machine is created; it runs on its own.")
@click.option(
    "--provider",
    type=click.Choice(["aws", "local", "runpod"]),
    help="Where the job runs, whatever its file says: local is this machine.",
)
@click.option("--rerun", is_flag=True, help="Start a new attempt of a job that has ended.")
@click.option(
    "--policy-base",
    type=click.Path(path_type=Path, readable=False),
    metavar="PATH",
    help="Checkout of the base branch, or a policies file, that policies.yaml may tighten and not loosen.",
)
@click.option(
    "--from",
    "start_from",
    metavar="SEQUENCE|none",
    help="With --rerun: the checkpoint to start from, see `runctl checkpoint ls`; none starts afresh.",
)
@no_policy_option
@click.option(
    "--show-files", is_flag=True, help="List every file that travels, and what is left out and why."
)
@grace_option("Seconds for a replaced run to save a checkpoint.")
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    job_file: Path,
    *,
    yes: bool,
    detach: bool,
    provider: Literal["local"] | CloudName | None,
    rerun: bool,
    policy_base: Path | None,
    start_from: str | None,
    no_policy: bool,
    show_files: bool,
    grace: int,
) -> None:
    from runctl_auto.cli.interruption import told_what_goes_on
    from runctl_auto.jobs.check import check_for

    invocation.hold_policies_to(policy_base)
    invocation.console.show_files = show_files
    if start_from is not None and not rerun:
        raise click.UsageError("--from needs --rerun: only a new attempt starts from another checkpoint.")
    job = check_for(provider, job_file)
    if (provider or job.spec.provider) == "local":
        from runctl_auto.operations.local.up import LocalUpOptions, up_here

        with told_what_goes_on(invocation.console, job.spec.name):
            local = LocalUpOptions(yes, detach, rerun, grace, start_from, provider is not None)
            result = up_here(invocation.local_surroundings(), job, local)
        invocation.console.result(as_json(result))
        _show(invocation, result)
        return
    from runctl_auto.jobs.local.names import refuse_name_of_here
    from runctl_auto.jobs.permitted import refuse_disabled_provider
    from runctl_auto.operations.up import UpOptions, up

    refuse_disabled_provider(job.spec, invocation.settings())
    refuse_name_of_here(invocation.folders(), job.spec.name)
    session = invocation.session(policies=not no_policy)
    with told_what_goes_on(invocation.console, job.spec.name):
        options = UpOptions(yes=yes, detach=detach, rerun=rerun, grace_seconds=grace, start_from=start_from)
        result = up(session, job, options)
    invocation.console.result(as_json(result))
    _show(invocation, result)


def as_json(result: UpResult) -> dict[str, Any]:
    """The result in its JSON form."""
    from runctl_auto.stack.trail import trail_json

    status = result.status
    return {
        "job": result.job,
        "run": result.run,
        "attempt": result.attempt,
        "phase": status.phase if status else None,
        "exit_code": status.exit_code if status else None,
        "changed": result.changed,
        "placement": result.placement.as_json(),
        "trail": trail_json(result.trail),
        "replacements": result.replacements,
        "program": str(result.program) if result.program else None,
        "metrics": result.metrics,
        "artifacts": None
        if result.download is None
        else {"folder": str(result.download.folder), "files": list(result.download.files)},
        "seconds": {
            "runctl": result.seconds,
            "machine": dict(status.seconds) if status else {},
        },
    }


def _show(invocation: Invocation, result: UpResult) -> None:
    line = printer(invocation.console)
    if result.status is None:
        line(f"Job '{result.job}' goes on by itself, run {result.run}.")
        line(f"  runctl status {result.job}     how it is")
        line(f"  runctl logs -f {result.job}    its output")
        line(f"  runctl down {result.job}       end it")
        return
    line(f"Job '{result.job}', run {result.run}: {result.status.phase}")
    for name, value in result.metrics.items():
        line(f"  {plain_text(name)}: {plain_text(str(value))}")
    if result.download is None:
        line("  no artifacts")
    else:
        line(f"  artifacts: {result.download.folder} ({len(result.download.files)} files)")
        for name in result.download.files:
            line(f"    {name}")
        for problem in result.download.problems:
            line(f"    not stored: {problem.path} {problem.why}")
    line(f"  seconds here:           {_listed(result.seconds)}")
    line(f"  seconds on the machine: {_listed(result.status.seconds)}")


def _listed(seconds: Any) -> str:
    return ", ".join(f"{name} {value:.1f}" for name, value in seconds.items()) or "unknown"

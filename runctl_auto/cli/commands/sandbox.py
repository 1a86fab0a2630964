"""``runctl sandbox``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.quantity_types import Duration
from runctl_auto.errors import RunctlError, SandboxError

if TYPE_CHECKING:
    from runctl_auto.engine.choice import Engine
    from runctl_auto.engine.environment import SandboxStatus
    from runctl_auto.jobs.session import Session
    from runctl_auto.operations.sandbox_events import Kind, SandboxEvent


_NAMED = 10
_RANK = click.option(
    "--rank", type=click.IntRange(min=0), default=0, show_default=True, help="Of several machines this one's."
)


@click.group(
    help="Start, stop or inspect the sandbox, an emulated cloud on this machine, and let things fail in it."
)
def command() -> None:
    pass


@command.command(help="Start the sandbox of this project, unless it runs.")
@click.pass_obj
def start(invocation: Invocation) -> None:
    from runctl_auto.engine import environment
    from runctl_auto.engine.choice import choose_engine
    from runctl_auto.engine.sandbox_extra import require_sandbox_extra

    require_sandbox_extra()
    folders, console = invocation.folders(), invocation.console
    engine = choose_engine(invocation.settings().engine.path, os.environ)
    place = environment.sandbox(folders, console.say, engine)
    found = environment.sandbox_status(folders)
    console.result(_as_json(found, place.engine, lost_jobs=list(place.lost_jobs)))
    for job in place.lost_jobs:
        console.line(f"job '{job}' was lost with an earlier cloud")
    console.line(f"The sandbox runs: {place.endpoint_url}, hosts isolated by {place.isolation}.")
    console.line(f"Engine: {_engine_text(place.engine)}.")


@command.command(help="Stop the sandbox and delete its cloud.")
@click.pass_obj
def stop(invocation: Invocation) -> None:
    from runctl_auto.engine import environment

    report = environment.stop_sandbox(invocation.folders())
    invocation.console.result(vars(report))
    if not report.was_running:
        invocation.console.line("The sandbox was not running.")
        return
    for job in report.jobs[:_NAMED]:
        invocation.console.line(f"job '{job}' still held resources; they are gone with the cloud")
    if len(report.jobs) > _NAMED:
        invocation.console.line(f"so did {len(report.jobs) - _NAMED} more jobs")
    invocation.console.line(f"The sandbox is stopped: {', '.join(report.ended)}.")


@command.command(
    short_help="Show the sandbox's processes and engine.",
    help="Show the sandbox's processes, how hosts are isolated, and which engine is used.",
)
@click.pass_obj
def status(invocation: Invocation) -> None:
    from runctl_auto.engine import environment

    found = environment.sandbox_status(invocation.folders())
    engine = _engine(invocation)
    invocation.console.result(_as_json(found, engine))
    invocation.console.line(f"sandbox: {found.phase}" + (f" ({found.message})" if found.message else ""))
    text = engine.what if isinstance(engine, RunctlError) else _engine_text(engine)
    invocation.console.line(f"engine:    {text}")
    if not found.running:
        return
    invocation.console.line(f"cloud:     {found.cloud_url} ({found.cloud_id})")
    reason = f" ({found.isolation_reason})" if found.isolation_reason else ""
    invocation.console.line(f"isolation: {found.isolation}{reason}")
    for process in found.processes:
        alive = "alive" if process.alive else "dead"
        port = f", port {process.port}" if process.port else ""
        invocation.console.line(f"  {process.name}: pid {process.pid}, {alive}{port}")


@command.command(
    short_help="Give a spot machine an interruption notice.",
    help="Give the spot machine of JOB an interruption notice, and take it away when it is over.",
)
@click.argument("job")
@click.option(
    "--notice",
    type=Duration(or_none=True),
    default="120s",
    show_default=True,
    help="Time from the notice to the end, such as 30s or 2m; 0 takes it away at once.",
)
@_RANK
@click.pass_obj
def interrupt(invocation: Invocation, job: str, notice: int, rank: int) -> None:
    from runctl_auto.operations.sandbox_events import interrupt as happen

    session = _running(invocation)
    _show_event(invocation, happen(session, job, notice, rank=rank))


@command.command(
    short_help="Let a fault happen to a job, its machine or its zone.",
    help="Let a fault happen to JOB. capacity: its zone has no machine for it; throttle: requests to its "
    "bucket are refused as too many; hang: its machine stands still; kill: its machine loses its power; "
    "network: its machine reaches nothing.",
)
@click.argument("job")
@click.option(
    "--kind",
    required=True,
    type=click.Choice(["capacity", "throttle", "hang", "kill", "network"]),
    help="What fails.",
)
@click.option(
    "--over", is_flag=True, help="End the fault: all refusals of the cloud, a hang, a lost network."
)
@_RANK
@click.pass_obj
def fail(invocation: Invocation, job: str, *, kind: Kind, over: bool, rank: int) -> None:
    from runctl_auto.operations.sandbox_events import fail as happen

    _show_event(invocation, happen(_running(invocation), job, kind, over=over, rank=rank))


def _running(invocation: Invocation) -> Session:
    """The session in the sandbox that runs, which is not started for this."""
    from runctl_auto.engine import environment

    if not environment.sandbox_status(invocation.folders()).running:
        raise SandboxError(
            "The sandbox does not run.",
            next_step="`runctl --sandbox up JOB.yaml` starts it with a job in it.",
        )
    invocation.options[("sandbox",)] = True
    return invocation.session()


def _show_event(invocation: Invocation, event: SandboxEvent) -> None:
    invocation.console.result(vars(event))
    invocation.console.line(f"{event.what[:1].upper()}{event.what[1:]}.")


def _engine(invocation: Invocation) -> Engine | RunctlError:
    """The engine that commands use, or why there is none."""
    from runctl_auto.engine.choice import choose_engine

    try:
        return choose_engine(invocation.settings().engine.path, os.environ)
    except RunctlError as error:
        return error


def _engine_text(engine: Engine) -> str:
    return f"pulumi {engine.version} in {engine.folder} ({engine.why})"


def _engine_as_json(engine: Engine | RunctlError) -> dict[str, Any]:
    if isinstance(engine, RunctlError):
        return {"version": None, "folder": None, "why": None, "problem": engine.what}
    return {
        "version": engine.version.removeprefix("v"),
        "folder": str(engine.folder),
        "why": engine.why,
        "problem": None,
    }


def _as_json(found: SandboxStatus, engine: Engine | RunctlError, **more: Any) -> dict[str, Any]:
    return {
        "phase": found.phase,
        "running": found.running,
        "cloud_id": found.cloud_id,
        "cloud_url": found.cloud_url,
        "isolation": found.isolation,
        "isolation_reason": found.isolation_reason,
        "processes": [vars(process) for process in found.processes],
        "message": found.message,
        "engine": _engine_as_json(engine),
        **more,
    }

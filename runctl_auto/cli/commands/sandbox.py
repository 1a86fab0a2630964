"""``runctl sandbox``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from runctl_auto.cli.invocation import Invocation

if TYPE_CHECKING:
    from runctl_auto.engine.environment import SandboxStatus


_NAMED = 10


@click.group(help="Start, stop or inspect the sandbox: an emulated cloud on this machine.")
def command() -> None:
    pass


@command.command(help="Start the sandbox of this project; harmless when it runs.")
@click.pass_obj
def start(invocation: Invocation) -> None:
    from runctl_auto.engine import environment
    from runctl_auto.engine.choice import choose_engine
    from runctl_auto.engine.sandbox_extra import require_sandbox_extra

    require_sandbox_extra()
    folders, console = invocation.folders(), invocation.console
    engine = choose_engine(invocation.settings().engine.path, os.environ)
    place = environment.sandbox(folders, console.say, engine)
    console.result(_as_json(environment.sandbox_status(folders), lost_jobs=list(place.lost_jobs)))
    for job in place.lost_jobs:
        console.line(f"job '{job}' was lost with an earlier cloud")
    console.line(f"The sandbox runs: {place.endpoint_url}, hosts isolated by {place.isolation}.")
    console.line(f"Engine: pulumi {place.engine.version} in {place.engine.folder} ({place.engine.why}).")


@command.command(help="Stop the sandbox and erase its cloud with all that is in it.")
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


@command.command(help="Show what of the sandbox runs, and how hosts are isolated.")
@click.pass_obj
def status(invocation: Invocation) -> None:
    from runctl_auto.engine import environment

    found = environment.sandbox_status(invocation.folders())
    invocation.console.result(_as_json(found))
    invocation.console.line(f"sandbox: {found.phase}" + (f" ({found.message})" if found.message else ""))
    if not found.running:
        return
    invocation.console.line(f"cloud:     {found.cloud_url} ({found.cloud_id})")
    reason = f" ({found.isolation_reason})" if found.isolation_reason else ""
    invocation.console.line(f"isolation: {found.isolation}{reason}")
    for process in found.processes:
        alive = "alive" if process.alive else "dead"
        port = f", port {process.port}" if process.port else ""
        invocation.console.line(f"  {process.name}: pid {process.pid}, {alive}{port}")


def _as_json(found: SandboxStatus, **more: Any) -> dict[str, Any]:
    return {
        "phase": found.phase,
        "running": found.running,
        "cloud_id": found.cloud_id,
        "cloud_url": found.cloud_url,
        "isolation": found.isolation,
        "isolation_reason": found.isolation_reason,
        "processes": [vars(process) for process in found.processes],
        "message": found.message,
        **more,
    }

"""``runctl status``."""

from __future__ import annotations

import click

from runctl_auto.cli.invocation import Invocation


@click.command(help="Show how JOB is.")
@click.argument("job")
@click.pass_obj
def command(invocation: Invocation, job: str) -> None:
    from runctl_auto.operations.inspect import status

    found = status(invocation.workplace(), job)
    invocation.console.result(found.as_json())
    line, place, run = invocation.console.line, found.config.placement, found.config.run
    line(f"{found.config.job.name}: {found.phase}")
    line(f"  run:         {run.id} (attempt {run.attempt})")
    line(f"  placement:   {place.instance_type} {place.market} in {place.zone}")
    machine = f"{found.machine.id} {found.machine.state}" if found.machine else "none"
    line(f"  machine:     {machine}")
    if found.status is None:
        return
    raw = found.status.raw
    if found.age_seconds is not None:
        line(f"  last heard:  {found.age_seconds:.0f} s ago")
    if found.status.exit_code is not None:
        line(f"  exit code:   {found.status.exit_code}")
    if found.status.reason:
        line(f"  reason:      {found.status.reason}")
    checkpoints = raw.get("checkpoints") or {}
    line(f"  checkpoints: {checkpoints.get('count', 0)}, last {checkpoints.get('last') or 'none'}")
    for name in found.protected:
        line(f"  protected:   {name}")

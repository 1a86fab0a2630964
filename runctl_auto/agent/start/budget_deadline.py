"""Terminates the machine when the run's budget is spent and the agent, which normally ends runs, is dead."""

from __future__ import annotations

from collections.abc import Callable

from runctl_auto.agent.contract import DEADLINE_SLACK_SECONDS
from runctl_auto.agent.machine.machine import RunProgram
from runctl_auto.agent.start.layout import Layout
from runctl_auto.agent.start.units import DEADLINE_TIMER, deadline_units

SYSTEMCTL_SECONDS = 90.0


def budget_deadline(budget_seconds: float | None, spent: float, now: float) -> float | None:
    """When the machine must terminate; None if that cannot be computed. Seconds since the epoch."""
    if budget_seconds is None:
        return None
    return now + max(0.0, budget_seconds - spent) + DEADLINE_SLACK_SECONDS


def bring_forward(
    deadline_at: float | None,
    known: float | None,
    layout: Layout,
    run: RunProgram,
    say: Callable[[str], None],
    *,
    units: Callable[[float], dict[str, str]] = deadline_units,
) -> None:
    """Sets the machine's own timer to `deadline_at` unless its deadline `known` is earlier. Idempotent.

    The budget is not part of the boot configuration, so changing it replaces no machine. Failures are logged;
    the agent itself still ends the run. `units` are the units by name for a deadline.
    """
    if deadline_at is None or (known is not None and known <= deadline_at):
        return
    try:
        layout.units.mkdir(parents=True, exist_ok=True)
        for name, unit in units(deadline_at).items():
            (layout.units / name).write_text(unit, encoding="utf-8")
    except OSError as error:
        say(f"the timer of the budget cannot be written: {error}")
        return
    if known is not None:
        run(("systemctl", "stop", DEADLINE_TIMER), timeout=SYSTEMCTL_SECONDS)
    for arguments in (("daemon-reload",), ("enable", "--now", DEADLINE_TIMER)):
        done = run(("systemctl", *arguments), timeout=SYSTEMCTL_SECONDS)
        if done.code != 0:
            say(f"the timer of the budget is not set: systemctl {' '.join(arguments)}: {done.output}")

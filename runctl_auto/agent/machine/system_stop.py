"""SIGTERM to the agent: the system ends the machine or the service, and the run is saved first."""

from __future__ import annotations

import signal
from collections.abc import Callable

from runctl_auto.agent.contract import Phase, Reason
from runctl_auto.agent.job.stopping import StopRequest, StopSwitch


def leave_on_sigterm(switch: StopSwitch, deadline_at: float | None, clock: Callable[[], float]) -> None:
    """SIGTERM means that the system ends the machine or the service: save, report, exit.

    At the hard deadline this ends the run; before it, a replacement continues.
    """

    def handle(_signal: int, _frame: object) -> None:
        switch.set_in_signal_handler(system_stop(deadline_at is not None and clock() >= deadline_at - 5))

    signal.signal(signal.SIGTERM, handle)


def take_default_actions() -> None:
    """Resets ignored signals: the job inherits them, and ignored signals mark background processes."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)


def system_stop(at_deadline: bool) -> StopRequest:
    """The stop request that the system's SIGTERM stands for."""
    if at_deadline:
        message = "the machine reached its hard deadline"
        return StopRequest(Phase.STOPPED, Reason.MAX_DURATION, message, leave_running=True)
    message = "the system ends this machine or the agent (SIGTERM)"
    return StopRequest(Phase.INTERRUPTED, Reason.INTERRUPTION, message, leave_running=True)

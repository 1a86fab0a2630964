"""Why and how the job is to stop before its end: the first reason wins."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from runctl_auto.agent.contract import GRACE_SECONDS
from runctl_auto.agent.status import Outcome


@dataclass(frozen=True)
class StopRequest:
    """A stop request: `reason` as in the status, and how long the job may take to save and exit.

    `leave_running`: the machine is being terminated or restarted from outside. `ends_at`: when the cloud
    takes it back, in seconds since the epoch.
    """

    phase: str
    reason: str
    message: str
    grace_seconds: float = GRACE_SECONDS
    leave_running: bool = False
    ends_at: float | None = None

    def outcome(self, exit_code: int | None) -> Outcome:
        return Outcome(self.phase, self.reason, exit_code, self.message)


class StopSwitch:
    """Set once, by the first caller; thread-safe."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._request: StopRequest | None = None

    @property
    def request(self) -> StopRequest | None:
        return self._request

    def set(self, request: StopRequest) -> None:
        if self._request is None:
            self._request = request
            self._event.set()

    def set_in_signal_handler(self, request: StopRequest) -> None:
        """As `set`, but wakes no waiter: the signal handler may have interrupted `wait` while it held its
        lock.
        """
        if self._request is None:
            self._request = request

    def stop_if_set(self) -> None:
        """Raises StopEarly when the run is to stop."""
        if self._request is not None:
            raise StopEarly

    def wait(self, seconds: float) -> None:
        """Blocks until set, at most `seconds`."""
        self._event.wait(seconds)


class StopEarly(Exception):
    """The stop switch was set while no job was running."""


def wait_unless_stopped(switch: StopSwitch, seconds: float) -> None:
    """Blocks for `seconds`. Raises StopEarly when the run is to stop."""
    switch.wait(seconds)
    switch.stop_if_set()

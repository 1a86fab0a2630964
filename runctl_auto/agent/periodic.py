"""Runs a function periodically beside the job, in its own thread."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from typing import TypeVar

from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.pace import Pace

T = TypeVar("T")


class Periodic:
    """Calls `step` at `pace` until stopped. A stop ends the wait at once.

    Expected failures (AgentError, OSError) are reported to `say`, once while they stay the same, and the
    steps continue; any other exception is a bug in the agent: it is passed to `crashed`, and the steps end.
    `ticks` is a monotonic clock in seconds; `wait` waits for a number of seconds and returns whether to stop.
    """

    def __init__(
        self,
        name: str,
        pace: Pace,
        step: Callable[[], object],
        say: Callable[[str], None],
        crashed: Callable[[BaseException], None],
        *,
        ticks: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self._name = name
        self._pace = pace
        self._step = step
        self._say = say
        self._crashed = crashed
        self._last_error: str | None = None
        self._stopping = threading.Event()
        self._ticks = ticks
        self._wait = wait or self._stopping.wait
        self._thread = threading.Thread(target=self.run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 60.0) -> None:
        """Blocks until the current step is done, at most `timeout` seconds."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def step_once(self) -> bool:
        """Runs one step; False when the steps must end."""
        try:
            self._step()
        except (AgentError, OSError) as error:
            if str(error) != self._last_error:
                self._last_error = str(error)
                self._say(f"{self._name}: {error}")
            return True
        except BaseException as error:
            self._crashed(error)
            return False
        self._last_error = None
        return True

    def run(self) -> None:
        """Repeats the step until stopped; `start` runs this in its own thread."""
        began = self._ticks()
        while not self._wait(self._pace.seconds(self._ticks() - began)):
            if not self.step_once():
                return


def never_fatal(step: Callable[[], T]) -> Callable[[], T]:
    """`step`, whose unexpected exceptions become an AgentError with the traceback: the job goes on.

    For what only saves and reports. What enforces limits must not be wrapped.
    """

    def careful() -> T:
        try:
            return step()
        except (AgentError, OSError):
            raise
        except Exception as error:
            raise AgentError(f"an error in runctl: {error!r}\n{traceback.format_exc()}") from error

    return careful


def attempt(what: str, action: Callable[[], object], say: Callable[[str], None]) -> None:
    """Carries `action` out once; what fails is said, and the job goes on."""
    try:
        never_fatal(action)()
    except (AgentError, OSError) as error:
        say(f"{what}: {error}")

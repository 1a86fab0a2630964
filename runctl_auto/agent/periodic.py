"""Something done again and again beside the job, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from runctl_auto.agent.errors import AgentError


class Periodic:
    """Calls `step` every `seconds` until stopped. Never waits between a stop and its end.

    What the world refuses (AgentError, OSError) is told to `say`, once while it stays the same, and the next
    step comes as usual; anything else is a flaw of the agent, given to `crashed`, and the steps end.
    """

    def __init__(
        self,
        name: str,
        seconds: float,
        step: Callable[[], object],
        say: Callable[[str], None],
        crashed: Callable[[BaseException], None],
    ) -> None:
        self._name = name
        self._seconds = seconds
        self._step = step
        self._say = say
        self._crashed = crashed
        self._last_error: str | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout: float = 60.0) -> None:
        """Blocks until the step in progress is done, at most `timeout` seconds."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def step_once(self) -> bool:
        """One step; False when the steps must end."""
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

    def _loop(self) -> None:
        while not self._stopping.wait(self._seconds):
            if not self.step_once():
                return

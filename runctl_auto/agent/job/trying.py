"""Tries setup and the command again after an error, on the same machine, with growing pauses."""

from __future__ import annotations

from collections.abc import Callable

from runctl_auto.agent.contract import RETRIED_AS, Phase
from runctl_auto.agent.job.exit_codes import NOT_EXECUTABLE, NOT_FOUND
from runctl_auto.agent.status import Outcome, StatusWriter

FIRST_PAUSE_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 300.0
SAME_AGAIN = frozenset({NOT_EXECUTABLE, NOT_FOUND})
"""Exit codes of a program that is not there: another try would find the same."""


class Trying:
    """Counts the tries of a run on all its machines, at most `most`.

    `pause` waits for a number of seconds; it returns early when the run is to stop, which `stopping` tells.
    """

    def __init__(
        self,
        most: int,
        status: StatusWriter,
        *,
        say: Callable[[str], None],
        clock: Callable[[], float],
        pause: Callable[[float], object],
        stopping: Callable[[], bool],
    ) -> None:
        self._most = most
        self._status = status
        self._say = say
        self._clock = clock
        self._pause = pause
        self._stopping = stopping
        self._started_at = clock()

    def begin(self) -> None:
        """A try starts."""
        self._started_at = self._clock()

    def another(self, outcome: Outcome) -> bool:
        """Whether there is another try after this outcome; then the failed one is told."""
        if outcome.phase != Phase.FAILED or RETRIED_AS.get(outcome.reason) != "error":
            return False
        number = self._status.tries() + 1
        if number >= self._most or outcome.exit_code in SAME_AGAIN:
            return False
        self._status.failed_try(self._started_at, outcome)
        why = outcome.message or outcome.reason
        pause = pause_seconds(number)
        self._say(f"try {number} of {self._most} failed: {why}; the next one starts in {pause:.0f} s")
        return True

    def pause_before_another(self, outcome: Outcome) -> float | None:
        """As ``another``: the pause before the next try in seconds, None when there is none."""
        return pause_seconds(self._status.tries()) if self.another(outcome) else None

    def rest(self) -> None:
        """Blocks until the next try may start, or the run is to stop."""
        until = self._clock() + pause_seconds(self._status.tries())
        while not self._stopping() and (left := until - self._clock()) > 0:
            self._pause(left)

    def told(self, outcome: Outcome) -> Outcome:
        """The outcome, with the number of tries if there were several."""
        number = self._status.tries() + 1
        if outcome.phase != Phase.FAILED or number == 1:
            return outcome
        message = f"{outcome.message or outcome.reason}; tried {number} times"
        return Outcome(outcome.phase, outcome.reason, outcome.exit_code, message)


def pause_seconds(failed: int) -> float:
    """The pause after this many failed tries: 10 s, twice as long each time, at most 5 min."""
    return min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(failed - 1, 10))

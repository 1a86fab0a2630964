"""A start from a checkpoint that fails right away is tried again from the checkpoint before, once each."""

from __future__ import annotations

from collections.abc import Callable

from runctl_auto.agent.contract import Phase, Reason
from runctl_auto.agent.job.exit_codes import NOT_EXECUTABLE, NOT_FOUND
from runctl_auto.agent.saving.checkpoints import Checkpoints
from runctl_auto.agent.status import Outcome, StatusWriter

START_SECONDS = 120.0
"""A command that fails within this time, and before it saved anything new, has failed right at its start."""
NOT_OF_THE_CHECKPOINT = {NOT_EXECUTABLE, NOT_FOUND}


class Resuming:
    """Restores checkpoints for the starts of a run, and counts the starts that failed."""

    def __init__(
        self,
        checkpoints: Checkpoints,
        status: StatusWriter,
        say: Callable[[str], None],
        clock: Callable[[], float],
    ) -> None:
        self._checkpoints = checkpoints
        self._status = status
        self._say = say
        self._clock = clock
        self._started_at = 0.0
        self._tried = status.failed_resumes()
        self._resumed: str | None = None
        self.has_fallen_back = False

    def restore(self) -> None:
        """Restores the best checkpoint that has not failed; the folder is empty if there is none."""
        self._resumed = self._checkpoints.restore(self._tried)
        if self._resumed:
            self._say(f"going on from checkpoint {self._resumed}")
            self._status.resumed(self._resumed)

    def go_back(self) -> None:
        """Before another try, when what the failed one left may be incomplete: restores the best checkpoint
        that has not failed, or the best of all.
        """
        self._resumed = self._checkpoints.restore_another(self._tried) or self._checkpoints.restore()
        if self._resumed:
            self._say(f"going back to checkpoint {self._resumed}")
            self._status.resumed(self._resumed)

    def begin(self) -> None:
        """The command starts."""
        self._started_at = self._clock()

    def falls_back(self, outcome: Outcome) -> bool:
        """Whether the command has failed right at its start and an older checkpoint is restored now."""
        if not self._failed_at_start(outcome) or self._resumed is None:
            return False
        failed, why = self._resumed, outcome.message or outcome.reason
        self._status.resume_failed(why)
        self._tried.append(failed)
        self._resumed = self._checkpoints.restore_another(self._tried)
        if self._resumed is None:
            self._say(f"{why}, right after it went on from checkpoint {failed}; there is none left to try")
            return False
        self.has_fallen_back = True
        self._say(
            f"{why}, right after it went on from checkpoint {failed}; checkpoint {self._resumed} is tried"
        )
        self._status.resumed(self._resumed)
        return True

    def told(self, outcome: Outcome) -> Outcome:
        """The outcome, with the checkpoints that were tried if it failed from several."""
        if outcome.phase != Phase.FAILED or not self.has_fallen_back:
            return outcome
        tried = ", ".join(self._tried)
        message = f"{outcome.message}; checkpoints tried: {tried}"
        return Outcome(outcome.phase, outcome.reason, outcome.exit_code, message)

    @property
    def has_failed_at_start(self) -> bool:
        """Whether all starts from a checkpoint failed: what is in the folder is no progress."""
        return self.has_fallen_back and self._resumed is None

    def _failed_at_start(self, outcome: Outcome) -> bool:
        return (
            outcome.phase == Phase.FAILED
            and outcome.reason == Reason.COMMAND_FAILED
            and outcome.exit_code not in NOT_OF_THE_CHECKPOINT
            and not self._checkpoints.saved_since_restore
            and self._clock() - self._started_at <= START_SECONDS
        )

"""What a run saves: checkpoints while the job runs and at its end, then the artifacts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path

from runctl_auto.agent.contract import Phase, Reason
from runctl_auto.agent.errors import AgentError, FileChangedError, OutOfTimeError
from runctl_auto.agent.nodes.common_checkpoints import NodePart
from runctl_auto.agent.periodic import never_fatal
from runctl_auto.agent.saving import artifacts
from runctl_auto.agent.saving.checkpoints import Checkpoints, Killed, Saved
from runctl_auto.agent.saving.manifest import Manifest, Problem
from runctl_auto.agent.saving.own_files import OwnFiles
from runctl_auto.agent.spec import RunSpec
from runctl_auto.agent.status import Outcome, StatusWriter
from runctl_auto.agent.status_format import UNSAVED_ARTIFACTS, UNSAVED_CHECKPOINT
from runctl_auto.agent.store.store import Store
from runctl_auto.agent.store.time_limit import TimeLimit
from runctl_auto.agent.tracing import spans

OUTPUT = "output"
NAMED = 3
"""So many files that are no artifacts are named in the run's message; the status and the log name more."""


class Saving:
    """Saves checkpoints and artifacts of a run; the status tells what could not be saved, and the log.

    No failure to save ends the run: an unexpected error is raised as an AgentError.
    """

    def __init__(
        self,
        store: Store,
        spec: RunSpec,
        folder: Path,
        *,
        status: StatusWriter,
        say: Callable[[str], None],
        clock: Callable[[], float],
        limit: TimeLimit,
        written: Callable[[], Collection[tuple[int, int]]],
        own_files: OwnFiles,
        together: Callable[[], str | None] | None = None,
    ) -> None:
        """`together` saves a checkpoint of all nodes of a run on several machines, this one's among them."""
        self._store = store
        self._spec = spec
        self._work = folder / "work"
        self._scratch = folder / "artifacts.tmp"
        self._status = status
        self._say = say
        self._together = together
        self.checkpoints = (Checkpoints if together is None else partial(NodePart, node=spec.node))(
            store,
            spec.lineage,
            folder=self._work / spec.checkpoints.path,
            scratch=folder / "checkpoint.tmp",
            keep=spec.checkpoints.keep,
            say=say,
            saved=self.saved,
            clock=clock,
            limit=limit,
            written=written,
            run=spec.run,
            own_files=own_files,
        )

    def save_checkpoint(self) -> str | None:
        """One save beside the job; the sequence, None when nothing changed. Raises AgentError or OSError."""
        return self._save(self._together or self.checkpoints.save)

    def save_last_checkpoint(self, killed: Killed | None) -> None:
        """The save after the job has ended; failures are told."""
        try:
            self._save(lambda: self.checkpoints.save_last(killed))
        except (AgentError, OSError) as error:
            self._say(f"last checkpoint: {error}")

    def _save(self, save: Callable[[], str | None]) -> str | None:
        span = spans.begin("save checkpoint")
        try:
            sequence = never_fatal(save)()
        except FileChangedError:
            raise
        except (AgentError, OSError) as error:
            spans.end(span, error)
            self._status.unsaved(UNSAVED_CHECKPOINT, [(None, _first_line(error))])
            raise
        if span is not None and sequence is not None:  # nothing is told of a save that had nothing to do
            span.set(checkpoint=sequence)
            spans.end(span)
        return sequence

    def saved(self, saved: Saved) -> None:
        """Tells the status of a checkpoint that was saved."""
        problems = [*saved.problems, *saved.suspect]
        self._status.unsaved(UNSAVED_CHECKPOINT, [(problem.path, problem.why) for problem in problems])
        if saved.suspect:
            first = saved.suspect[0]
            self._status.suspect_checkpoint(saved.sequence, first.path, first.why)
        else:
            self._status.saved_checkpoint(saved.sequence)

    def keep_artifacts(self, outcome: Outcome) -> Outcome:
        """Stores the artifacts of a run that has ended; the outcome tells if they could not be stored.

        A run that has succeeded is interrupted if its machine is taken back before: another one stores them.
        """
        stored: list[Manifest] = []
        try:
            never_fatal(lambda: stored.append(self._store_artifacts()))()
        except OutOfTimeError as error:
            self._say(f"artifacts could not be stored: {error}")
            if outcome.phase != Phase.SUCCEEDED:
                self._status.unsaved(UNSAVED_ARTIFACTS, [(None, _first_line(error))])
                return outcome
            message = "the cloud takes the machine back before the artifacts are stored"
            return Outcome(Phase.INTERRUPTED, Reason.INTERRUPTION, outcome.exit_code, message)
        except (AgentError, OSError) as error:
            message = f"artifacts could not be stored: {_first_line(error)}"
            self._say(f"artifacts could not be stored: {error}")
            self._status.unsaved(UNSAVED_ARTIFACTS, [(None, _first_line(error))])
            if outcome.phase != Phase.SUCCEEDED:
                return outcome
            return Outcome(Phase.FAILED, Reason.AGENT_ERROR, outcome.exit_code, message)
        (manifest,) = stored
        self._status.note(artifacts={"files": len(manifest.files), "bytes": manifest.total_bytes})
        self._status.unsaved(
            UNSAVED_ARTIFACTS, [(problem.path, problem.why) for problem in manifest.problems]
        )
        return _with_problems(outcome, manifest.problems)

    def _store_artifacts(self) -> Manifest:
        with spans.span("store artifacts") as span:
            manifest = self._stored_artifacts()
            span.set(files=len(manifest.files), bytes=manifest.total_bytes)
        return manifest

    def _stored_artifacts(self) -> Manifest:
        paths = (*self._spec.artifacts, OUTPUT)
        found = artifacts.collect(self._work, paths, self._say_of_artifacts)
        manifest = artifacts.upload_artifacts(self._store, self._spec.run, self._work, found, self._scratch)
        for problem in manifest.problems:
            self._say(f"artifacts: {problem.path} is not stored: it {problem.why}")
        return manifest

    def _say_of_artifacts(self, text: str) -> None:
        if text != f"artifacts: nothing at {OUTPUT}":
            self._say(text)


def _with_problems(outcome: Outcome, problems: Sequence[Problem]) -> Outcome:
    if not problems:
        return outcome
    named = ", ".join(problem.path for problem in problems[:NAMED])
    more = f" and {len(problems) - NAMED} more" if len(problems) > NAMED else ""
    told = f"not stored as artifacts: {named}{more}"
    message = f"{outcome.message}; {told}" if outcome.message else told
    return Outcome(outcome.phase, outcome.reason, outcome.exit_code, message)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [repr(error)])[0]

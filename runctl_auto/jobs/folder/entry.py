"""What a folder of job files means for the backend: one entry for each job, as frozen data.

Reports, JSON output and plan files are made from these values; nothing else of a folder's plan is passed on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from runctl_auto.cost.amount import Amount, total
from runctl_auto.cost.cost_json import cost_json
from runctl_auto.cost.estimate import Estimate
from runctl_auto.engine.events import PlannedChange
from runctl_auto.errors import ExitCode, FieldProblem, RunctlError, Violation
from runctl_auto.stack.config import Placement

Action = Literal["create", "update", "bring-back", "destroy", "finished", "unchanged", "refused", "invalid"]
"""What becomes of a job.

* create: its file is new; update: its file, code, settings or policies differ from what was last applied.
* bring-back: its run has not ended and lost its machine.
* destroy: its file is gone, and ``--prune`` was given.
* finished: its run has ended and it needs no machine; one that is left is released.
* unchanged: nothing is to be done.
* refused: policies, protection, a limit or another folder forbid what the file asks for; see ``error``.
* invalid: the file, its work folder or something it names is wrong; see ``error``.
"""
ACTIONS: tuple[Action, ...] = get_args(Action)
SIGNS: Mapping[Action, str] = {
    "create": "+",
    "update": "~",
    "bring-back": "~",
    "destroy": "-",
    "finished": " ",
    "unchanged": " ",
    "refused": "!",
    "invalid": "!",
}
"""How an action is marked wherever a plan is shown."""
CHANGING: frozenset[Action] = frozenset({"create", "update", "bring-back", "destroy"})

_STEPS_OF_REPLACEMENT = ("create-replacement", "delete-replaced")
_OWN = ("pulumi:", "runctl:")
"""Types of the program's own structure, which are no cloud resources."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An error of one entry as plain data. ``text`` is ``what`` with all that belongs to it, such as the
    problems of a file; ``details`` are the error's own fields of its JSON form."""

    kind: str
    what: str
    text: str
    exit_code: int
    where: Mapping[str, str] = field(default_factory=dict)
    next_step: str | None = None
    problems: tuple[FieldProblem, ...] = ()
    violations: tuple[Violation, ...] = ()
    causes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As errors are told everywhere, with what only some kinds have in ``details``."""
        return {
            "kind": self.kind,
            "what": self.what,
            "where": dict(self.where),
            "causes": list(self.causes),
            "next_step": self.next_step,
            "exit_code": self.exit_code,
            "details": dict(self.details),
        }


def failure_of(error: RunctlError) -> Failure:
    """``error`` as data that can be kept, sent and compared."""
    return Failure(
        kind=error.kind,
        what=error.what,
        text=str(error),
        exit_code=int(error.exit_code),
        where=dict(error.where),
        next_step=error.next_step,
        problems=tuple(getattr(error, "problems", ())),
        violations=tuple(getattr(error, "violations", ())),
        causes=tuple(str(each) for each in error.causes()),
        details=error.details(),
    )


def error_of(raised: BaseException, job: str) -> RunctlError:
    """What is told of whatever work on one job raised; the others go on. An interruption is raised again."""
    if isinstance(raised, RunctlError):
        return raised
    if not isinstance(raised, Exception):
        raise raised
    error = RunctlError(
        f"Something unexpected went wrong with job '{job}': {type(raised).__name__}: {raised}",
        where={"job": job},
        next_step="Repeat, and report it if it stays. What was made is recorded.",
    )
    error.__cause__ = raised
    return error


@dataclass(frozen=True)
class Finding:
    """What a policy found, with the line of the job file where one causes it. ``mandatory`` findings refuse
    the change."""

    violation: Violation
    mandatory: bool

    def as_json(self) -> dict[str, Any]:
        return {"level": "mandatory" if self.mandatory else "advisory", **vars(self.violation)}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One job of the folder, or one file that should be one.

    ``job`` is None for a file whose job's name cannot be read. ``file`` is relative to the folder, with
    slashes; of a job whose file is gone, where it was. ``reason`` says in a few words why this action.

    ``is_previewed``: an engine has planned it; ``changes`` and ``unchanged`` are then what it found, else
    they are empty. ``cost`` is of the job as it will be, ``cost_before`` as it is, None for none.
    ``advice`` are findings of policies that refuse nothing; those that refuse are in ``error``.
    """

    action: Action
    reason: str
    job: str | None
    file: str | None = None
    run: str | None = None
    is_previewed: bool = False
    changes: tuple[PlannedChange, ...] = ()
    unchanged: int = 0
    placement: Placement | None = None
    cost: Estimate | None = None
    cost_before: Estimate | None = None
    advice: tuple[Violation, ...] = ()
    notes: tuple[str, ...] = ()
    error: Failure | None = None

    @property
    def title(self) -> str:
        """The job's name, or the file where that is not known."""
        return self.job or self.file or "(unknown)"

    @property
    def resources(self) -> Mapping[str, int]:
        """How many cloud resources meet each operation (create, update, replace, delete)."""
        shown = (
            each.operation
            for each in self.changes
            if each.operation not in _STEPS_OF_REPLACEMENT and not each.type.startswith(_OWN)
        )
        return dict(sorted(Counter(shown).items()))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All that policies found, what refuses first."""
        refusing = self.error.violations if self.error is not None else ()
        return (
            *(Finding(each, mandatory=True) for each in refusing),
            *(Finding(each, mandatory=False) for each in self.advice),
        )

    @property
    def is_change(self) -> bool:
        """Whether applying it changes something."""
        return not self.has_failed and self._changes

    @property
    def _changes(self) -> bool:
        return self.action in CHANGING or (self.action == "finished" and bool(self.changes))

    @property
    def has_failed(self) -> bool:
        """Whether it cannot be applied, or could not be planned."""
        return self.error is not None

    def as_json(self) -> dict[str, Any]:
        return {
            "job": self.job,
            "file": self.file,
            "action": self.action,
            "reason": self.reason,
            "run": self.run,
            "previewed": self.is_previewed,
            "resources": dict(self.resources),
            "changes": [{**vars(each), "changed": list(each.changed)} for each in self.changes],
            "unchanged": self.unchanged,
            "placement": self.placement.as_json() if self.placement else None,
            "cost": cost_json(self.cost, self.cost_before) if self.cost else None,
            "findings": [each.as_json() for each in self.findings],
            "notes": list(self.notes),
            "error": self.error.as_json() if self.error else None,
        }


@dataclass(frozen=True)
class OtherFile:
    """A file of the folder that is no job, and what it is."""

    file: str
    what: str


@dataclass(frozen=True)
class Removed:
    """A job that this folder made and whose file is gone. ``--prune`` ends it."""

    job: str
    file: str


@dataclass(frozen=True, kw_only=True)
class FolderPlan:
    """What applying the folder would do. ``entries`` are sorted by job, then by file.

    ``removed`` are jobs that ``--prune`` would end; none with ``--prune``, which makes them entries.
    ``left_aside`` counts the files and jobs that ``--only`` or ``--changed-since`` leave out.
    """

    folder: Path
    entries: tuple[Entry, ...]
    others: tuple[OtherFile, ...] = ()
    removed: tuple[Removed, ...] = ()
    left_aside: int = 0
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> Mapping[Action, int]:
        """How many entries there are of each action, also none."""
        found = Counter(each.action for each in self.entries)
        return {action: found[action] for action in ACTIONS}

    @property
    def has_changes(self) -> bool:
        return any(each.is_change for each in self.entries)

    @property
    def changing(self) -> tuple[Entry, ...]:
        """The entries that applying works on."""
        return tuple(each for each in self.entries if each.is_change)

    @property
    def failures(self) -> tuple[Failure, ...]:
        return tuple(each.error for each in self.entries if each.error is not None)

    @property
    def exit_code(self) -> ExitCode:
        """What the errors of the entries come to; DONE without any."""
        return exit_code_of(self.failures)

    @property
    def hour_before(self) -> Amount:
        """USD an hour of all jobs as they are."""
        return total(each.cost_before.hour for each in self.entries if each.cost_before is not None)

    @property
    def hour_after(self) -> Amount:
        """USD an hour of all jobs as they will be."""
        return total(each.cost.hour for each in self.entries if each.cost is not None)

    @property
    def worst_before(self) -> Amount | None:
        """USD until every run meets its limit, as things are; None when a job has no limit."""
        return _worst(each.cost_before for each in self.entries)

    @property
    def worst_after(self) -> Amount | None:
        """As ``worst_before``, once this is applied."""
        return _worst(each.cost for each in self.entries)

    def as_json(self) -> dict[str, Any]:
        return {
            "folder": str(self.folder),
            "counts": dict(self.counts),
            "entries": [each.as_json() for each in self.entries],
            "others": [vars(each) for each in self.others],
            "removed": [vars(each) for each in self.removed],
            "left_aside": self.left_aside,
            "notes": list(self.notes),
            "cost": {
                "hour_before": _usd(self.hour_before),
                "hour_after": _usd(self.hour_after),
                "worst_case_before": _usd(self.worst_before),
                "worst_case_after": _usd(self.worst_after),
            },
        }


Outcome = Literal["done", "nothing-to-do", "failed", "not-begun"]
"""How an entry ended. nothing-to-do: it was so already; not-begun: another failed or was interrupted before.
"""


@dataclass(frozen=True, kw_only=True)
class EntryResult:
    """What applying an entry came to. ``entry`` has the changes that were made, where an engine worked."""

    entry: Entry
    outcome: Outcome
    error: Failure | None = None
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return {
            "job": self.entry.job,
            "file": self.entry.file,
            "action": self.entry.action,
            "outcome": self.outcome,
            "run": self.entry.run,
            "resources": dict(self.entry.resources),
            "notes": list(self.entry.notes),
            "seconds": round(self.seconds, 1),
            "error": self.error.as_json() if self.error else None,
        }


@dataclass(frozen=True, kw_only=True)
class FolderResult:
    """What applying a folder came to: a result for each entry of ``plan``, in its order."""

    plan: FolderPlan
    results: tuple[EntryResult, ...]

    @property
    def exit_code(self) -> ExitCode:
        code = exit_code_of([each.error for each in self.results if each.error is not None])
        stopped = code == ExitCode.DONE and any(each.outcome == "not-begun" for each in self.results)
        return ExitCode.FAILURE if stopped else code

    def as_json(self) -> dict[str, Any]:
        return {
            "folder": str(self.plan.folder),
            "results": [each.as_json() for each in self.results],
            "others": [vars(each) for each in self.plan.others],
            "removed": [vars(each) for each in self.plan.removed],
            "left_aside": self.plan.left_aside,
            "notes": list(self.plan.notes),
        }


def exit_code_of(failures: Iterable[Failure]) -> ExitCode:
    """The code that all ``failures`` have; FAILURE when they differ, DONE without any."""
    codes = {each.exit_code for each in failures}
    if not codes:
        return ExitCode.DONE
    return ExitCode(codes.pop()) if len(codes) == 1 else ExitCode.FAILURE


def _worst(estimates: Iterable[Estimate | None]) -> Amount | None:
    found = [each.worst_case for each in estimates if each is not None]
    if any(each is None for each in found):
        return None
    return total(each for each in found if each is not None)


def _usd(amount: Amount | None) -> dict[str, Any] | None:
    return None if amount is None else {"usd": amount.usd, "complete": amount.complete}

"""The hierarchy of errors that runctl raises, each with the exit code of the program.

The name of a class states the required reaction. Each error states what happened, where (job, resource,
provider) and what to do next; the cause is chained with ``raise ... from``. Texts are whole sentences for
users; ``kind`` is the stable identifier for programs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from runctl_auto.local.printable import printable


class ExitCode(IntEnum):
    """The meaning of the program's exit status; a contract with scripts."""

    DONE = 0
    FAILURE = 1
    CHANGES = 2
    TRAINING_FAILED = 3
    REFUSED = 4
    LEAKED = 5
    NO_CAPACITY = 6
    USAGE = 7
    INTERRUPTED = 130


class RunctlError(Exception):
    """Base of all errors that runctl raises on purpose.

    ``what`` is one sentence; ``where`` names the affected objects (``job``, ``resource``, ``provider``,
    ``file`` ...); ``next_step`` states what the user can do.
    """

    exit_code: ExitCode = ExitCode.FAILURE
    kind: str = "failure"

    def __init__(
        self, what: str, *, where: Mapping[str, str] | None = None, next_step: str | None = None
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = dict(where or {})
        self.next_step = next_step

    def details(self) -> dict[str, object]:
        """Additional fields of the JSON output; subclasses add theirs."""
        return {}

    def causes(self) -> list[BaseException]:
        """The chain of causes, the nearest first."""
        found: list[BaseException] = []
        cause = self.__cause__
        while cause is not None and cause not in found:
            found.append(cause)
            cause = cause.__cause__
        return found

    def as_json(self) -> dict[str, object]:
        """The error in JSON output: stable keys, no traceback."""
        return {
            "kind": self.kind,
            "what": self.what,
            "where": self.where,
            "causes": [str(each) for each in self.causes()],
            "next_step": self.next_step,
            "exit_code": int(self.exit_code),
            **self.details(),
        }


_SHORT = 70
"""Letters of what is allowed that are printed beside a suggestion."""


@dataclass(frozen=True)
class FieldProblem:
    """One problem in a file written by the user. ``line`` and ``column`` count from 1."""

    file: str
    line: int | None
    column: int | None
    field: str
    message: str
    found: str | None = None
    allowed: str | None = None
    nearest: str | None = None

    def __str__(self) -> str:
        position = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        text = f"{position}: {self.field}: {self.message}" if self.field else f"{position}: {self.message}"
        if self.found is not None:
            text += f"; found {self.found}"
        if self.allowed is not None and (self.nearest is None or len(self.allowed) <= _SHORT):
            text += f"; allowed: {self.allowed}"
        if self.nearest is not None:
            text += f"; did you mean '{self.nearest}'?"
        return printable(text)


class _FileError(RunctlError):
    exit_code = ExitCode.USAGE

    def __init__(
        self,
        what: str,
        *,
        problems: Sequence[FieldProblem] = (),
        where: Mapping[str, str] | None = None,
        next_step: str | None = None,
    ) -> None:
        super().__init__(what, where=where, next_step=next_step)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join([self.what, *(f"  {problem}" for problem in self.problems)])

    def details(self) -> dict[str, object]:
        return {"problems": [vars(problem) for problem in self.problems]}


class JobFileError(_FileError):
    """The job file is invalid; ``problems`` lists everything that is wrong with it."""

    kind = "job-file"


class SettingsError(_FileError):
    """Settings (``.runctl.toml``, ``RUNCTL_*``, options) are invalid; ``problems`` lists everything that is
    wrong.
    """

    kind = "settings"


class UntrustedError(RunctlError):
    """A file, folder or program of the project is somebody else's, or could have been planted: not used."""

    exit_code = ExitCode.USAGE
    kind = "untrusted"


class UsageError(RunctlError):
    """The command cannot run as it was called."""

    exit_code = ExitCode.USAGE
    kind = "usage"


class NotSupportedError(RunctlError):
    """The request is valid, but runctl does not support it (yet)."""

    exit_code = ExitCode.USAGE
    kind = "not-supported"


class NameTakenError(UsageError):
    """There is something of this name already."""

    kind = "name-taken"


class VolumeCooldownError(RunctlError):
    """AWS does not modify the volume again before some time has passed."""

    kind = "volume-cooldown"


class JobNotFoundError(RunctlError):
    """No stack of this name exists in the backend."""

    exit_code = ExitCode.USAGE
    kind = "job-not-found"


class PackagingError(RunctlError):
    """The work directory cannot be packaged (too large, a link that leads out of it, unreadable)."""

    exit_code = ExitCode.USAGE
    kind = "packaging"


class CloudError(RunctlError):
    """A call to the cloud failed. ``code`` is the service's own error code, if it returned one."""

    kind = "cloud"

    def __init__(
        self,
        what: str,
        *,
        code: str | None = None,
        where: Mapping[str, str] | None = None,
        next_step: str | None = None,
    ) -> None:
        super().__init__(what, where=where, next_step=next_step)
        self.code = code

    def details(self) -> dict[str, object]:
        return {"code": self.code}


class NoCapacityError(CloudError):
    """The cloud has no machine of this kind available now, or not at this price: try the next candidate.

    ``trail`` are the places that were tried, as JSON data, the oldest first.
    """

    exit_code = ExitCode.NO_CAPACITY
    kind = "no-capacity"

    def __init__(
        self,
        what: str,
        *,
        trail: Sequence[Mapping[str, object]] = (),
        code: str | None = None,
        where: Mapping[str, str] | None = None,
        next_step: str | None = None,
    ) -> None:
        super().__init__(what, code=code, where=where, next_step=next_step)
        self.trail = tuple(trail)

    def details(self) -> dict[str, object]:
        return {**super().details(), "trail": [dict(each) for each in self.trail]}


class SubnetFullError(NoCapacityError):
    """The subnet has no free address: try another subnet, also one in the same zone."""

    kind = "subnet-full"


class PlacementRefusedError(NoCapacityError):
    """The provider refused a machine without saying whether it has none or the request is wrong. Refused at
    every candidate, it is the request.
    """

    kind = "placement-refused"


class TakenBackError(NoCapacityError):
    """The cloud took a spot machine back while it was launched: another place, or the same one again, may
    keep it.
    """

    kind = "taken-back"


class UnsettledError(CloudError):
    """The account was about to change state: a volume that a terminated machine still holds, or a new spot
    request that is not visible yet. One repeat usually succeeds.
    """

    kind = "unsettled"


class AccessDeniedError(CloudError):
    """The caller lacks a permission: retrying does not help."""

    kind = "access-denied"


class BalanceSpentError(CloudError):
    """The account has no money left with the provider: no other candidate will do, and what runs is ended."""

    kind = "balance-spent"


class CredentialsError(CloudError):
    """There are no usable credentials."""

    kind = "credentials"


class ThrottledError(CloudError):
    """The cloud throttled the requests until the retries were exhausted."""

    kind = "throttled"


class NotFoundError(CloudError):
    """The requested resource does not exist in the cloud."""

    kind = "not-found"


class UnreachableError(CloudError):
    """The service did not answer: network, endpoint or outage."""

    kind = "unreachable"


class ObjectChangedError(CloudError):
    """An object was replaced or deleted while it was read: repeating the command takes the new one, whole."""

    kind = "object-changed"


class DamagedDataError(CloudError):
    """The bytes that arrived are not those that the checksum is of; they were not kept."""

    kind = "checksum-mismatch"


class RetriesExhaustedError(CloudError):
    """A transient error persisted; ``attempts`` calls were made and the last cause is chained."""

    kind = "retries-exhausted"

    def __init__(
        self,
        what: str,
        *,
        attempts: int,
        code: str | None = None,
        where: Mapping[str, str] | None = None,
        next_step: str | None = None,
    ) -> None:
        super().__init__(what, code=code, where=where, next_step=next_step)
        self.attempts = attempts

    def details(self) -> dict[str, object]:
        return {**super().details(), "attempts": self.attempts}


class EngineError(RunctlError):
    """The Pulumi engine failed for a reason without a class of its own."""

    kind = "engine"


class EngineNotFoundError(EngineError):
    """No suitable Pulumi engine was found."""

    kind = "engine-not-found"


class StackLockedError(EngineError):
    """Another operation has locked the stack; ``owners`` names who, if the backend knows."""

    kind = "stack-locked"

    def __init__(
        self,
        what: str,
        *,
        owners: Sequence[object] = (),
        where: Mapping[str, str] | None = None,
        next_step: str | None = None,
    ) -> None:
        super().__init__(what, where=where, next_step=next_step)
        self.owners = tuple(owners)

    def details(self) -> dict[str, object]:
        return {"owners": [str(each) for each in self.owners]}


class OperationCancelledError(EngineError):
    """The operation was cancelled; the resources that it had created are in the state."""

    exit_code = ExitCode.INTERRUPTED
    kind = "cancelled"


class ProgramError(EngineError):
    """The Pulumi program itself raised an exception."""

    kind = "program"


@dataclass(frozen=True)
class Violation:
    """A violation of a policy's ``rule`` by ``resource``; ``field`` is that of the job file to change, None
    when none causes it. ``line`` counts from 1.
    """

    rule: str
    resource: str
    found: str
    allowed: str | None = None
    field: str | None = None
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.field) if part is not None)
        allowed = f"; allowed: {self.allowed}" if self.allowed else ""
        text = f"{self.found}{allowed} (rule {self.rule}, resource {self.resource})"
        return printable(f"{place}: {text}" if place else text)


class PolicyViolationError(RunctlError):
    """Policies reject the change: the resources in ``violations`` were not created."""

    exit_code = ExitCode.REFUSED
    kind = "policy"

    def __init__(
        self,
        what: str,
        *,
        violations: Sequence[Violation] = (),
        where: Mapping[str, str] | None = None,
        next_step: str | None = None,
    ) -> None:
        super().__init__(what, where=where, next_step=next_step)
        self.violations = tuple(violations)

    def __str__(self) -> str:
        return "\n".join([self.what, *(f"  {violation}" for violation in self.violations)])

    def details(self) -> dict[str, object]:
        return {"violations": [vars(violation) for violation in self.violations]}


class ProtectedError(_FileError):
    """The change would delete or replace a protected resource.

    ``problems`` are the changes of the job file that would do so, where known.
    """

    exit_code = ExitCode.REFUSED
    kind = "protected"


class TooManyJobsError(RunctlError):
    """The number of jobs with a machine has reached the limit in the settings."""

    exit_code = ExitCode.REFUSED
    kind = "too-many-jobs"


class BudgetSpentError(RunctlError):
    """A monthly budget in the settings is spent, and the settings enforce it."""

    exit_code = ExitCode.REFUSED
    kind = "budget-spent"


class UnfetchedArtifactsError(RunctlError):
    """Results would be lost: artifacts in the bucket are not downloaded, or the download is incomplete."""

    exit_code = ExitCode.REFUSED
    kind = "unfetched-artifacts"


class PlanChangedError(RunctlError):
    """The job has changed since its plan was confirmed, and the change would do more than was shown."""

    exit_code = ExitCode.REFUSED
    kind = "plan-changed"


class UnreadableStatusError(RunctlError):
    """What a run's machine reported cannot be read, and the command needs to know it."""

    kind = "unreadable-status"


class TransferIncompleteError(RunctlError):
    """Some files could not be transferred; ``failures`` names each with the reason."""

    kind = "transfer-incomplete"

    def __init__(
        self,
        what: str,
        *,
        failures: Sequence[Mapping[str, str]] = (),
        where: Mapping[str, str] | None = None,
        next_step: str | None = None,
    ) -> None:
        super().__init__(what, where=where, next_step=next_step)
        self.failures = tuple(failures)

    def details(self) -> dict[str, object]:
        return {"failures": [dict(each) for each in self.failures]}


class TransferDiffersError(RunctlError):
    """The two sides that were compared are not the same."""

    kind = "transfer-differs"


class LocalDiskFullError(RunctlError):
    """A disk of this machine is full, or a quota on it is used up."""

    kind = "disk-full"


class FileChangedError(RunctlError):
    """A file on this machine changed while it was read."""

    kind = "file-changed"


class ExtraMissingError(RunctlError):
    """The command needs libraries of an optional extra that is not installed."""

    exit_code = ExitCode.USAGE
    kind = "extra-missing"


class TransferRunningError(RunctlError):
    """Another command is transferring the same file."""

    kind = "transfer-running"


class CheckpointDamagedError(RunctlError):
    """A checkpoint in the bucket is not what was saved."""

    kind = "checkpoint-damaged"


class InterruptedByUserError(RunctlError):
    """The user interrupted the command (Ctrl-C, SIGTERM); created resources remain and are recorded."""

    exit_code = ExitCode.INTERRUPTED
    kind = "interrupted"


class ConfirmationNeededError(RunctlError):
    """A change was planned but not confirmed."""

    exit_code = ExitCode.FAILURE
    kind = "not-confirmed"


class PlanOutdatedError(RunctlError):
    """A plan is not what applying would do any more; ``reasons`` are all that moved since. Nothing was
    changed.
    """

    kind = "plan-outdated"

    def __init__(
        self,
        what: str,
        *,
        reasons: Sequence[str] = (),
        where: Mapping[str, str] | None = None,
        next_step: str | None = None,
    ) -> None:
        super().__init__(what, where=where, next_step=next_step)
        self.reasons = tuple(reasons)

    def __str__(self) -> str:
        return "\n".join([self.what, *(f"  {printable(each)}" for each in self.reasons)])

    def details(self) -> dict[str, object]:
        return {"reasons": list(self.reasons)}


class TrainingFailedError(RunctlError):
    """The training did not succeed; ``training_exit_code`` is the command's own, if it had one."""

    exit_code = ExitCode.TRAINING_FAILED
    kind = "training-failed"

    def __init__(
        self,
        what: str,
        *,
        training_exit_code: int | None = None,
        where: Mapping[str, str] | None = None,
        next_step: str | None = None,
    ) -> None:
        super().__init__(what, where=where, next_step=next_step)
        self.training_exit_code = training_exit_code

    def details(self) -> dict[str, object]:
        return {"training_exit_code": self.training_exit_code}


class WaitTimedOutError(RunctlError):
    """What was waited for has not happened in time; it goes on."""

    kind = "wait-timed-out"


class JobEndedError(RunctlError):
    """Another command ended the job or the run that this one followed."""

    kind = "job-ended"


class InterruptionsExhaustedError(RunctlError):
    """The machine was lost more often than the restart limit of the run allows."""

    kind = "interruptions-exhausted"


class MachineLostError(RunctlError):
    """The machine was lost, and whoever makes the next one does not do so any more."""

    kind = "machine-lost"


class MachineNotReachableError(RunctlError):
    """The job's machine cannot be reached now; ``where`` names it, ``next_step`` the way out."""

    kind = "not-reachable"


class RemoteCommandError(RunctlError):
    """A command could not be carried out on the machine, for a reason that is not the command's own."""

    kind = "remote-command"


class SessionRefusedError(RunctlError):
    """The settings forbid sessions with this job's machine, or one that is not logged."""

    exit_code = ExitCode.REFUSED
    kind = "session-refused"


class MachineNeverReportedError(RunctlError):
    """Machines of a run ended one after the other without a report; ``console`` are the last lines of the
    last one's console, ``console_problem`` why they are not known.
    """

    kind = "never-reported"

    def __init__(
        self,
        what: str,
        *,
        machine: str | None = None,
        state_reason: str | None = None,
        console: Sequence[str] = (),
        console_problem: str | None = None,
        where: Mapping[str, str] | None = None,
        next_step: str | None = None,
    ) -> None:
        super().__init__(what, where=where, next_step=next_step)
        self.machine = machine
        self.state_reason = state_reason
        self.console = tuple(console)
        self.console_problem = console_problem

    def __str__(self) -> str:
        if self.console:
            return "\n".join(
                [f"{self.what} The end of its console:", *(f"  {line}" for line in self.console)]
            )
        return f"{self.what} Its console: {self.console_problem or 'empty'}."

    def details(self) -> dict[str, object]:
        return {
            "machine": self.machine,
            "state_reason": self.state_reason,
            "console": list(self.console),
            "console_problem": self.console_problem,
        }


class LeakedError(RunctlError):
    """Teardown is incomplete, or resources of the job were found that are in no state; see ``receipt``."""

    exit_code = ExitCode.LEAKED
    kind = "leaked"

    def __init__(
        self,
        what: str,
        *,
        receipt: Mapping[str, object] | None = None,
        where: Mapping[str, str] | None = None,
        next_step: str | None = None,
    ) -> None:
        super().__init__(what, where=where, next_step=next_step)
        self.receipt = dict(receipt or {})

    def details(self) -> dict[str, object]:
        return {"receipt": self.receipt}


class SandboxError(RunctlError):
    """The sandbox could not be started, queried or stopped."""

    kind = "sandbox"

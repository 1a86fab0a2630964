"""Turns what a failed operation left behind into one typed error: the one place that reads its texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from runctl_auto.backend.holder import host_name
from runctl_auto.backend.locks import LockOwner, owners_in
from runctl_auto.engine.events import (
    DiagnosticEvent,
    EngineEvent,
    FailedDeletion,
    PolicyEvent,
    StepEvent,
    plain,
)
from runctl_auto.engine.violations import read_violation, refusal, without_repetition
from runctl_auto.errors import (
    CloudError,
    CredentialsError,
    EngineError,
    JobNotFoundError,
    OperationCancelledError,
    PolicyViolationError,
    ProgramError,
    ProtectedError,
    RunctlError,
    StackLockedError,
    ThrottledError,
)
from runctl_auto.local.printable import printable
from runctl_auto.providers.aws.errors import class_of_failed_change, code_in_text, next_step_for
from runctl_auto.providers.runpod.errors import error_in_text, status_in_text
from runctl_auto.providers.runpod.errors import next_step_for as next_step_of
from runctl_auto.stack.urn import name_of

CANCELLED_EXIT_CODE = 8
_PROTECTED = re.compile(r"\bprotect(ed|ion)\b")
_CANNOT = re.compile(r"(cannot|unable|refus)", re.IGNORECASE)
_SUMMARIES = re.compile(r"^(error: )?(update|preview|destroy|refresh) failed\.?$|resource (change|action)")
_LEFT_BEHIND = re.compile(r"has the option (retain_on_delete|deleted_with)")
_CANCELLED = re.compile(r"^(error: )?(\w+ )?cancell?ed\.?$", re.MULTILINE)
"""After one interruption a diagnostic says "update canceled", after two stderr says "update cancelled"."""
_NOT_ATTACHED = re.compile(r"no resource plugin 'pulumi-resource-runctl-runpod' found")
_DELETIONS = ("delete", "delete-replaced")
_ANSWER = re.compile(r"api error (.+)")
_PROGRAM_FAILED = re.compile(r"failed with an unhandled exception|an unhandled error occurred")


@dataclass(frozen=True)
class Failure:
    """All that is known of a failed operation."""

    operation: str
    job: str
    exit_code: int
    stdout: str
    stderr: str
    events: Sequence[EngineEvent] = field(default_factory=tuple)

    @property
    def where(self) -> dict[str, str]:
        return {"job": self.job, "operation": self.operation}


def typed_error(failure: Failure) -> RunctlError:
    """The error whose name says how to react. An unknown failure stays an ``EngineError``."""
    for recognise in (
        _not_found,
        _locked,
        _policy,
        _detached,
        _cloud,
        _protected,
        _program,
        _cancelled,
        _passphrase,
    ):
        error = recognise(failure)
        if error is not None:
            return error
    return EngineError(
        f"The {failure.operation} of job '{failure.job}' failed: {_words(failure)}",
        where=failure.where,
        next_step="Repeat with -v to see all that the engine said.",
    )


def _not_found(failure: Failure) -> RunctlError | None:
    if not re.search(r"no stack named.*found", failure.stderr):
        return None
    return no_such_job(failure.job, {"job": failure.job})


def no_such_job(job: str, where: Mapping[str, str]) -> JobNotFoundError:
    """The error for a job that the backend does not have."""
    return JobNotFoundError(
        f"There is no job '{job}' in this backend.",
        where=where,
        next_step="`runctl ls` lists the jobs that are there.",
    )


def _locked(failure: Failure) -> RunctlError | None:
    text = failure.stderr
    if "currently locked by" not in text and "Another update is currently in progress" not in text:
        return None
    return locked_error(failure.job, owners_in(text), failure.where)


def locked_error(
    job: str, owners: Sequence[LockOwner], where: Mapping[str, str] | None = None
) -> StackLockedError:
    """The error that says who holds a job, and what to do when that is dead: of a process on another machine
    nobody can tell here.
    """
    by = ": " + ", ".join(str(each) for each in owners) if owners else ""
    next_step = f"Wait for it to end. When its process is dead, `runctl unlock {job}` removes the lock."
    away = next((each.host for each in owners if each.host != host_name()), None)
    if away is not None:
        next_step = (
            f"Wait for it to end, or end it on {away}. When {away} is gone, `runctl unlock {job} --force` "
            "removes the lock that it left."
        )
    return StackLockedError(
        f"Another operation holds job '{job}'{by}.",
        owners=owners,
        where=where or {"job": job},
        next_step=next_step,
    )


def _policy(failure: Failure) -> RunctlError | None:
    violations = [
        read_violation(event.policy, name_of(event.urn), plain(event.message))
        for event in failure.events
        if isinstance(event, PolicyEvent) and event.level == "mandatory"
    ]
    if violations:
        return refusal(without_repetition(violations), failure.where)
    for event in _errors(failure):
        if _LEFT_BEHIND.search(event.message):
            return PolicyViolationError(plain(event.message), where=failure.where)
    return None


def _detached(failure: Failure) -> RunctlError | None:
    """A stack with resources on RunPod, whose provider is attached only where its key is."""
    said = "\n".join((failure.stderr, failure.stdout, *(event.message for event in _errors(failure))))
    if not _NOT_ATTACHED.search(said):
        return None
    return CredentialsError(
        f"Job '{failure.job}' has resources on RunPod, and there is no API key for it.",
        where={**failure.where, "provider": "runpod"},
        next_step="Set RUNPOD_API_KEY to a key of your RunPod account, and the setting runpod.enabled.",
    )


def _cloud(failure: Failure) -> RunctlError | None:
    for event in _errors(failure):
        told = error_in_text(plain(event.message))
        if told is not None:
            return told(
                f"{_subject(event)} could not be {_attempted(failure, event.urn)}: {_one_line(event)}",
                code=status_in_text(plain(event.message)),
                where=_place(failure, event.urn),
                next_step=next_step_of(told),
            )
        code = code_in_text(event.message)
        if code is None:
            continue
        error_class = class_of_failed_change(code)
        if error_class is CloudError and not event.urn:
            continue
        return error_class(
            f"{_subject(event)} could not be {_attempted(failure, event.urn)}: {_one_line(event)}",
            code=code,
            where=_place(failure, event.urn),
            next_step=next_step_for(error_class),
        )
    return None


def _protected(failure: Failure) -> RunctlError | None:
    for event in _errors(failure):
        if _PROTECTED.search(event.message) and _CANNOT.search(event.message):
            return ProtectedError(
                f"The change would delete or replace what is protected: {_one_line(event)}",
                where=_place(failure, event.urn),
                next_step="Undo the change of the job file that causes it, or end the protection first.",
            )
    return None


def _program(failure: Failure) -> RunctlError | None:
    text = failure.stdout + "".join(event.message for event in _errors(failure))
    if not _PROGRAM_FAILED.search(text):
        return None
    return ProgramError(
        f"The program of job '{failure.job}' raised: {_words(failure)}",
        where=failure.where,
        next_step="Repeat with -v to see its traceback.",
    )


def _cancelled(failure: Failure) -> RunctlError | None:
    if failure.exit_code != CANCELLED_EXIT_CODE and not any(map(_CANCELLED.search, _texts(failure))):
        return None
    return OperationCancelledError(
        f"The {failure.operation} of job '{failure.job}' was cancelled.",
        where=failure.where,
        next_step=f"What it made is recorded: `runctl up` goes on, `runctl down {failure.job}` removes it.",
    )


def _passphrase(failure: Failure) -> RunctlError | None:
    if "incorrect passphrase" not in failure.stderr:
        return None
    return EngineError(
        f"The passphrase is not the one that job '{failure.job}' was made with.",
        where=failure.where,
        next_step="Set PULUMI_CONFIG_PASSPHRASE_FILE, or engine.passphrase_file in .runctl.toml.",
    )


def _errors(failure: Failure) -> list[DiagnosticEvent]:
    """Error diagnostics, those of single resources before those of the whole."""
    found = [
        event for event in failure.events if isinstance(event, DiagnosticEvent) and event.severity == "error"
    ]
    return sorted(found, key=lambda event: "pulumi:pulumi:Stack::" in event.urn or not event.urn)


def _one_line(event: DiagnosticEvent) -> str:
    """The message, which may quote what a service answered."""
    return printable(" ".join(plain(event.message).split()))


def failed_deletions(events: Sequence[EngineEvent]) -> tuple[FailedDeletion, ...]:
    """The deletions that failed during an operation, each once."""
    messages = {
        event.urn: plain(event.message)
        for event in reversed(events)
        if isinstance(event, DiagnosticEvent) and event.severity == "error" and event.urn
    }
    failed = {
        event.urn: _failed_deletion(event, messages.get(event.urn, ""))
        for event in events
        if isinstance(event, StepEvent) and event.stage == "failed" and event.operation in _DELETIONS
    }
    return tuple(failed.values())


def _failed_deletion(event: StepEvent, message: str) -> FailedDeletion:
    code = code_in_text(message)
    error_class = error_in_text(message)
    if error_class is None:
        error_class = CloudError if code is None else class_of_failed_change(code)
    return FailedDeletion(
        event.urn,
        event.type,
        event.physical_id,
        _answer_in(message),
        code,
        next_step_for(error_class),
        passes=issubclass(error_class, (CredentialsError, ThrottledError)),
    )


def _answer_in(message: str) -> str:
    """The cloud's own words in a provider's message; else the end of the message."""
    answer = _ANSWER.search(message)
    if answer is not None:
        return answer[1].strip()
    return message.rpartition("* ")[2].strip() or "the engine gave no reason"


def _subject(event: DiagnosticEvent) -> str:
    return f"'{name_of(event.urn)}'" if event.urn else "A resource"


def _attempted(failure: Failure, urn: str) -> str:
    for event in failure.events:
        if isinstance(event, StepEvent) and event.urn == urn and event.stage == "failed":
            return _PAST.get(event.operation, "changed")
    return "changed"


_PAST: Mapping[str, str] = {
    "create": "created",
    "create-replacement": "created",
    "delete": "deleted",
    "delete-replaced": "deleted",
    "read": "read",
    "refresh": "refreshed",
    "update": "updated",
}


def _place(failure: Failure, urn: str) -> dict[str, str]:
    return {**failure.where, "resource": name_of(urn)} if urn else failure.where


def _texts(failure: Failure) -> Iterator[str]:
    """All that the engine told as an error."""
    yield from (plain(event.message) for event in _errors(failure))
    yield plain(failure.stderr)


def _words(failure: Failure) -> str:
    """The most telling sentence: a resource's error, else the last line that the engine wrote as an error."""
    diagnostics = [plain(event.message) for event in _errors(failure)]
    telling = [text for text in diagnostics if not _SUMMARIES.search(text)]
    if telling:
        return telling[0]
    lines = [plain(line) for line in failure.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error:")]
    return (errors or lines or [f"exit code {failure.exit_code}"])[-1]

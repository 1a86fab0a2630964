"""What a failed operation left behind becomes one typed error."""

from __future__ import annotations

import pytest

from runctl_auto.backend.holder import host_name
from runctl_auto.backend.locks import LockOwner
from runctl_auto.engine.events import DiagnosticEvent, EngineEvent, PolicyEvent, StepEvent
from runctl_auto.engine.failures import Failure, locked_error, typed_error
from runctl_auto.errors import (
    AccessDeniedError,
    CloudError,
    CredentialsError,
    EngineError,
    JobNotFoundError,
    NoCapacityError,
    OperationCancelledError,
    PlacementRefusedError,
    PolicyViolationError,
    ProgramError,
    ProtectedError,
    RunctlError,
    StackLockedError,
    SubnetFullError,
    ThrottledError,
    UnreachableError,
    UnsettledError,
)
from runctl_auto.providers.runpod.errors import marked, problem

URN = "urn:pulumi:digits::runctl::runctl:aws:SpotInstance$aws:ec2/instance:Instance::digits-machine-instance"
STACK_URN = "urn:pulumi:digits::runctl::pulumi:pulumi:Stack::runctl-digits"


def failure(
    *events: EngineEvent, stderr: str = "error: update failed", stdout: str = "", code: int = 1
) -> Failure:
    return Failure("update", "digits", code, stdout, stderr, events)


def diagnostic(message: str, urn: str = URN) -> DiagnosticEvent:
    return DiagnosticEvent("error", message, urn)


CAPACITY = (
    "creating EC2 Instance: operation error EC2: RunInstances, api error InsufficientInstanceCapacity: x"
)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (CAPACITY, NoCapacityError),
        ("api error SpotMaxPriceTooLow: your price", NoCapacityError),
        ("api error VcpuLimitExceeded: more", NoCapacityError),
        ("api error UnauthorizedOperation: no", AccessDeniedError),
        ("An error occurred (AccessDenied) when calling CreateBucket: Access Denied", AccessDeniedError),
        ("api error RequestLimitExceeded: slow", ThrottledError),
        ("api error InvalidBlockDeviceMapping: x", CloudError),
        ("api error InsufficientFreeAddressesInSubnet: none", SubnetFullError),
        ("api error VolumeInUse: vol-0 is already attached to an instance", UnsettledError),
        ("reading EC2 Spot Instance Request (sir-1): couldn't find resource", UnsettledError),
        ("There is not enough capacity for irony", EngineError),
    ],
)
def test_a_providers_words_by_their_code(message: str, kind: type[RunctlError]) -> None:
    assert type(typed_error(failure(diagnostic(message)))) is kind


def test_the_error_names_resource_and_attempt() -> None:
    step = StepEvent("failed", "create", URN, "aws:ec2/instance:Instance")
    told = typed_error(failure(step, diagnostic(CAPACITY), diagnostic("update failed", STACK_URN)))
    assert isinstance(told, NoCapacityError)
    assert told.code == "InsufficientInstanceCapacity"
    assert told.what.startswith("'digits-machine-instance' could not be created: ")
    assert told.where == {"job": "digits", "operation": "update", "resource": "digits-machine-instance"}


def test_no_capacity_counts_even_when_another_resource_was_told_first() -> None:
    told = typed_error(failure(diagnostic("update failed", STACK_URN), diagnostic(CAPACITY)))
    assert isinstance(told, NoCapacityError)


def test_of_a_machine_that_may_be_gone_the_way_out_is_told() -> None:
    def told(host: str) -> str:
        owner = LockOwner("ann", host, 7, "2026-11-22T10:00:00Z")
        return locked_error("digits", [owner]).next_step or ""

    assert "When builder-3 is gone, `runctl unlock digits --force`" in told("builder-3")
    assert "--force" not in told(host_name())


def test_a_lock_names_its_owner() -> None:
    told = typed_error(
        failure(
            stderr="error: the stack is currently locked by 1 lock(s).\n"
            "  file:///x.json: created by ann@host (pid 12) at 2026-11-22T00:00:00Z",
            code=255,
        )
    )
    assert isinstance(told, StackLockedError)
    assert "ann@host (pid 12) since 2026-11-22T00:00:00Z" in told.what
    assert [each.pid for each in told.owners] == [12]  # type: ignore[attr-defined]


def test_mandatory_violations_refuse_and_advice_does_not() -> None:
    advice = PolicyEvent("tags", "pack", "advisory", "please", URN)
    broken = PolicyEvent("imds-v2", "pack", "mandatory", "<{%fg 1%}>tokens<{%reset%}> needed", URN)
    told = typed_error(failure(advice, broken))
    assert isinstance(told, PolicyViolationError)
    assert [str(each) for each in told.violations] == [
        "tokens needed (rule imds-v2, resource digits-machine-instance)"
    ]
    assert "please" not in told.what
    assert isinstance(typed_error(failure(advice)), EngineError)


@pytest.mark.parametrize(
    "message",
    [
        'resource "urn:x" cannot be deleted\nbecause it is protected. To unprotect the resource, ...',
        'unable to replace resource "urn:x"\nas it is currently marked for protection. To unprotect ...',
    ],
)
def test_protection_refuses(message: str) -> None:
    assert isinstance(typed_error(failure(diagnostic(message))), ProtectedError)


def test_a_stack_that_is_not_there() -> None:
    told = typed_error(failure(stderr="error: no stack named 'digits' found", code=6))
    assert isinstance(told, JobNotFoundError)
    assert list(told.where) == ["job"], "as the guide shows it"
    assert told.exit_code == 7


def test_a_program_that_raised() -> None:
    told = typed_error(
        failure(diagnostic("Program failed with an unhandled exception:\nKeyError: x", STACK_URN))
    )
    assert isinstance(told, ProgramError)
    assert "KeyError: x" in told.what


def test_an_operation_that_was_interrupted_twice() -> None:
    told = typed_error(failure(stderr="error: update cancelled", code=8))
    assert isinstance(told, OperationCancelledError)
    assert told.exit_code == 130


def test_an_operation_that_was_interrupted_once() -> None:
    events = (
        diagnostic("Resource monitor has terminated, shutting down", ""),
        diagnostic("<{%reset%}>update canceled<{%reset%}>\n", ""),
    )
    told = typed_error(failure(*events, stderr="", code=1))
    assert isinstance(told, OperationCancelledError)
    assert told.exit_code == 130


def test_a_word_in_the_text_of_a_resource_is_no_cancellation() -> None:
    told = typed_error(failure(diagnostic("the order of ABC was cancelled: pay first")))
    assert type(told) is EngineError


def test_an_unknown_failure_tells_the_engines_last_error() -> None:
    told = typed_error(failure(stderr="warning: x\nerror: the moon is wrong\n"))
    assert type(told) is EngineError
    assert "the moon is wrong" in told.what


@pytest.mark.parametrize("text", [CAPACITY, "this resource is protected and cannot be deleted"])
def test_what_a_service_answered_is_one_line(text: str) -> None:
    error = typed_error(failure(diagnostic(f"{text}\n\terror: all is well\x1b[2J")))
    assert str(error).isprintable()
    assert r"error: all is well\x1b[2J" in str(error)


@pytest.mark.parametrize("where", ["stderr", "event"])
def test_a_provider_that_is_not_attached_for_want_of_a_key(where: str) -> None:
    said = "error: no resource plugin 'pulumi-resource-runctl-runpod' found in the workspace or on your $PATH"
    told = failure(stderr=said) if where == "stderr" else failure(diagnostic(said, STACK_URN))
    error = typed_error(told)
    assert isinstance(error, CredentialsError)
    assert "RUNPOD_API_KEY" in str(error.next_step)


def test_what_runpod_refuses_has_its_status_as_the_code() -> None:
    refused = problem(400, b'{"detail": "none left"}', "POST", "/v2/pods")
    error = typed_error(failure(diagnostic(marked(refused))))
    assert isinstance(error, PlacementRefusedError)
    assert error.code == "400"
    unanswered = typed_error(failure(diagnostic(marked(UnreachableError("RunPod did not answer")))))
    assert isinstance(unanswered, UnreachableError)
    assert unanswered.code is None

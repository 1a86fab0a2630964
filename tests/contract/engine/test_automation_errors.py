"""Errors of the Automation API: which class the engine's words come to, and what runctl makes of it."""

from __future__ import annotations

import json

import pytest
from pulumi import automation
from pulumi.automation import errors
from support.engine.automation import selected, workspace
from support.engine.broken_programs import broken_programs
from support.engine.toy_programs import nothing, protected
from support.engine.toy_provider import ToyProvider
from support.engine.toy_resources import Thing
from support.engine.toy_stack import STACK, ToyStack

from runctl_auto.engine.automation_edge import engine_command, plain_events, translated
from runctl_auto.engine.events import EngineEvent
from runctl_auto.errors import (
    AccessDeniedError,
    EngineError,
    JobNotFoundError,
    ProgramError,
    ProtectedError,
    RunctlError,
    StackLockedError,
)


def raising() -> None:
    raise KeyError("missing")


def typed(stack: ToyStack, program: object, expected: type[RunctlError]) -> RunctlError:
    """What an update with ``program`` raises, translated."""
    events: list[EngineEvent] = []
    with pytest.raises(expected) as caught, broken_programs(), translated("update", STACK, events):
        selected(stack, program).up(on_event=lambda event: events.extend(plain_events(event)))
    return caught.value


def test_an_unknown_stack(stack: ToyStack) -> None:
    """`runctl_auto/engine/driver.py` (``open_or_create``)."""
    with pytest.raises(errors.StackNotFoundError):
        automation.Stack.select("unknown", workspace(stack))
    with pytest.raises(JobNotFoundError), translated("selection", "unknown"):
        automation.Stack.select("unknown", workspace(stack))


def test_a_stack_that_is_there_already(stack: ToyStack) -> None:
    """`runctl_auto/engine/driver.py` (``create``)."""
    with pytest.raises(errors.StackAlreadyExistsError):
        automation.Stack.create(STACK, workspace(stack))
    with pytest.raises(EngineError, match="already exists"), translated("creation", STACK):
        automation.Stack.create(STACK, workspace(stack))


def test_a_locked_stack(stack: ToyStack) -> None:
    """`runctl_auto/engine/dead_owners.py` reads the owners."""
    stack.locks.mkdir(parents=True, exist_ok=True)
    lock = {"pid": 7, "username": "u", "hostname": "h", "timestamp": "2026-01-02T03:04:05.678Z"}
    (stack.locks / "planted.json").write_text(json.dumps(lock), encoding="utf-8")
    with pytest.raises(errors.ConcurrentUpdateError):
        selected(stack, nothing).up()
    error = typed(stack, nothing, StackLockedError)
    assert isinstance(error, StackLockedError)
    (owner,) = error.owners
    assert (owner.pid, owner.user, owner.host, owner.since) == (7, "u", "h", "2026-01-02T03:04:05Z")


def test_a_program_that_raises(stack: ToyStack) -> None:
    """`runctl_auto/engine/failures.py` (``_program``): the engine puts its own words before the text of the
    language host."""
    with pytest.raises(errors.InlineSourceRuntimeError) as caught, broken_programs():
        selected(stack, raising).up(color="never")
    assert "an unhandled error occurred: python inline source runtime error: 'missing'" in str(caught.value)
    assert "missing" in typed(stack, raising, ProgramError).what


def test_a_cloud_that_refuses(stack: ToyStack, provider: ToyProvider) -> None:
    """`runctl_auto/engine/failures.py` (``_cloud``): the provider's text comes as the diagnostic of the
    resource, word by word."""
    provider.refuse = {("create", "a")}
    provider.refusal = "creating a thing: api error AccessDenied: not for you"
    error = typed(stack, lambda: Thing("a"), AccessDeniedError)
    assert error.where["resource"] == "a"
    assert provider.refusal in error.what
    with pytest.raises(errors.CommandError) as caught, broken_programs():
        selected(stack, lambda: Thing("a")).up()
    assert type(caught.value) is errors.CommandError


def test_a_protected_resource(stack: ToyStack) -> None:
    """`runctl_auto/engine/failures.py` (``_protected``)."""
    stack.up(protected)
    assert typed(stack, nothing, ProtectedError).where["resource"] == "keep"


def test_a_wrong_passphrase(stack: ToyStack) -> None:
    """`runctl_auto/engine/failures.py` (``_passphrase``)."""
    stack.up(nothing)
    with pytest.raises(EngineError, match="not the one that job"), translated("preview", STACK):
        selected(stack.with_variables(PULUMI_CONFIG_PASSPHRASE="wrong"), nothing).preview()


def test_a_preview_of_a_teardown_that_would_do_nothing(stack: ToyStack) -> None:
    """`runctl_auto/engine/job_stack.py` (``preview_destroy``) takes this for an empty plan."""
    stack.up(protected)
    stack.operate("destroy", None, "--exclude-protected")
    with pytest.raises(RuntimeError, match="summary event never found"):
        selected(stack).preview_destroy(exclude_protected=True)


def test_no_earlier_deployment(stack: ToyStack) -> None:
    """`runctl_auto/engine/driver.py` (``_refresh_config``) lets this pass."""
    with pytest.raises(errors.CommandError, match="no previous deployment"):
        workspace(stack).refresh_config(STACK)


def test_the_engine_is_new_enough_for_the_sdk(stack: ToyStack) -> None:
    """`runctl_auto/engine/automation_edge.py` (``engine_command``): events come by gRPC above 3.205."""
    version = engine_command(stack.engine).version
    assert version is not None
    assert (version.major, version.minor) > (3, 205)

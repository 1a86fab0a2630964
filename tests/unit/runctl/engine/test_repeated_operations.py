"""An operation that met an account about to change state is repeated once, after a pause."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import create_autospec

import pytest
from pulumi import automation
from pulumi.automation.events import EngineEvent
from support.engine_summary import summary

from runctl_auto.backend.backend import open_backend
from runctl_auto.engine.engine_options import EngineOptions
from runctl_auto.engine.events import DiagnosticEvent
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.engine.operation import UNSETTLED_SECONDS
from runctl_auto.engine.program_host import ProgramHost
from runctl_auto.errors import CloudError, NoCapacityError, UnsettledError

IN_USE = "operation error EC2: AttachVolume, api error VolumeInUse: vol-0 is already attached"
NOT_SEEN = "reading EC2 Spot Instance Request (sir-1): couldn't find resource"
NO_CAPACITY = "operation error EC2: RunInstances, api error InsufficientInstanceCapacity: none"
URN = "urn:pulumi:digits::runctl::aws:ec2/volumeAttachment:VolumeAttachment::digits-data-attachment"


def diagnostic(message: str) -> EngineEvent:
    event = {"urn": URN, "message": message, "color": "never", "severity": "error"}
    return EngineEvent.from_json({"sequence": 1, "timestamp": 1, "diagnosticEvent": event})


class Engine:
    """Stands behind a stack: each operation fails with the next of ``failures``, then they succeed."""

    def __init__(self, *failures: str) -> None:
        self.failures = list(failures)
        self.waits: list[float] = []
        self.told: list[object] = []
        self.options: list[dict[str, Any]] = []
        stack = create_autospec(automation.Stack, instance=True)
        stack.name = "digits"
        for method in (stack.preview, stack.up, stack.destroy, stack.refresh):
            method.side_effect = self._operate
        workspace = create_autospec(automation.LocalWorkspace, instance=True)
        workspace.env_vars = {}
        host = create_autospec(ProgramHost, instance=True)
        host.variables.return_value = {}
        options = EngineOptions(on_event=self.told.append, sleep=self.waits.append)
        self.stack = JobStack(stack, workspace, open_backend("file:///state", "runctl"), options, host)

    def _operate(self, *, on_event: Any, **options: Any) -> None:
        self.options.append(options)
        if self.failures:
            on_event(diagnostic(self.failures.pop(0)))
            raise automation.CommandError(SimpleNamespace(code=255, stdout="", stderr="error: update failed"))
        on_event(summary(create=1))


@pytest.mark.parametrize("failure", [IN_USE, NOT_SEEN])
def test_an_update_is_repeated_once_with_a_refresh(failure: str) -> None:
    engine = Engine(failure)
    assert engine.stack.up().counts == {"create": 1}
    assert [each["refresh"] for each in engine.options] == [None, True]
    assert engine.waits == [UNSETTLED_SECONDS]
    warnings = [each.message for each in engine.told if isinstance(each, DiagnosticEvent)]
    assert warnings[-1].startswith("'digits-data-attachment' could not be changed: ")
    assert warnings[-1].endswith("; once more in 15 s")


def test_the_second_failure_is_raised() -> None:
    engine = Engine(IN_USE, IN_USE)
    with pytest.raises(UnsettledError) as raised:
        engine.stack.up()
    assert raised.value.code == "VolumeInUse"
    assert len(engine.options) == 2


def test_what_fails_differently_the_second_time_is_told_so() -> None:
    with pytest.raises(NoCapacityError):
        Engine(IN_USE, NO_CAPACITY).stack.up()


def test_a_preview_is_repeated_too() -> None:
    engine = Engine(NOT_SEEN)
    assert engine.stack.preview(refresh=True).changes == ()
    assert engine.waits == [UNSETTLED_SECONDS]


@pytest.mark.parametrize("failure", [NO_CAPACITY, "api error UnauthorizedOperation: no"])
def test_other_failures_are_not_repeated(failure: str) -> None:
    engine = Engine(failure)
    with pytest.raises(CloudError):
        engine.stack.up()
    assert len(engine.options) == 1
    assert engine.waits == []


def test_a_teardown_waits_by_itself() -> None:
    engine = Engine(IN_USE)
    with pytest.raises(UnsettledError):
        engine.stack.destroy()
    assert len(engine.options) == 1

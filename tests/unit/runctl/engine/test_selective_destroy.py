"""A teardown deletes what can go, leaves what is to stay with all that it needs, and tells what failed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import create_autospec

import pytest
from pulumi import automation
from pulumi.automation.events import EngineEvent as AutomationEvent
from support.engine_summary import summary

from runctl_auto.backend.backend import Backend
from runctl_auto.engine.engine_options import EngineOptions
from runctl_auto.engine.events import EngineEvent, StepEvent
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.engine.program_host import ProgramHost
from runctl_auto.errors import CloudError
from runctl_auto.stack.state import parse_state


def urn(name: str, token: str) -> str:
    return f"urn:pulumi:d::runctl::{token}::{name}"


STACK, COMPONENT = urn("s", "pulumi:pulumi:Stack"), urn("net", "runctl:aws:NetworkAccess")
PROVIDER = urn("aws", "pulumi:providers:aws")
GROUP = urn("group", "aws:ec2/securityGroup:SecurityGroup")
MACHINE = urn("machine", "aws:ec2/instance:Instance")
BUCKET = urn("bucket", "aws:s3/bucket:Bucket")
PARTS: dict[str, dict[str, Any]] = {
    STACK: {},
    PROVIDER: {"parent": STACK, "custom": True},
    COMPONENT: {"parent": STACK},
    GROUP: {"parent": COMPONENT, "custom": True, "provider": f"{PROVIDER}::p1"},
    BUCKET: {"parent": STACK, "custom": True, "provider": f"{PROVIDER}::p1"},
    MACHINE: {
        "parent": STACK,
        "custom": True,
        "provider": f"{PROVIDER}::p1",
        "dependencies": [GROUP, BUCKET],
    },
}


class Engine:
    """Stands behind a stack whose operation fails with ``events``."""

    def __init__(self, *events: dict[str, Any], protected: str = "") -> None:
        self.events = events
        self.options: dict[str, Any] = {}
        self.stack = create_autospec(automation.Stack, instance=True)
        self.stack.name = "d"
        self.stack.destroy.side_effect = self._destroy
        self.backend = create_autospec(Backend, instance=True)
        self.backend.state.return_value = parse_state(
            {
                "resources": [
                    {
                        "urn": name,
                        "type": name.split("::")[2],
                        "id": "x",
                        "protect": name == protected,
                        **more,
                    }
                    for name, more in PARTS.items()
                ]
            }
        )

    def _destroy(self, *, on_event: Any, **options: Any) -> None:
        self.options = options
        for each in self.events:
            on_event(AutomationEvent.from_json({"sequence": 1, "timestamp": 1, **each}))
        if self.events:
            raise automation.CommandError(SimpleNamespace(code=255, stdout="", stderr="error: failed"))
        on_event(summary(delete=1))

    def opened(self) -> JobStack:
        workspace = create_autospec(automation.LocalWorkspace, instance=True)
        workspace.env_vars = {}
        host = create_autospec(ProgramHost, instance=True)
        return JobStack(self.stack, workspace, self.backend, EngineOptions(), host)


def failed(name: str, message: str) -> tuple[dict[str, Any], dict[str, Any]]:
    token = name.split("::")[2]
    state = {"type": token, "urn": name, "id": f"id-{token[-5:]}"}
    step = {"op": "delete", "urn": name, "type": token, "old": state}
    told = {"urn": name, "message": message, "color": "never", "severity": "error", "prefix": ""}
    return (
        {"resOpFailedEvent": {"metadata": step, "status": 0, "steps": 1}},
        {"diagnosticEvent": told},
    )


REFUSED = (
    "deleting urn:...: 1 error occurred:\n\t* deleting Security Group (sg-1): operation error EC2: "
    "DeleteSecurityGroup, https response error StatusCode: 400, RequestID: 1-2, api error "
    "DependencyViolation: resource sg-1 has a dependent object\n\n"
)


def test_everything_goes_but_what_is_protected_and_one_failure_stops_nothing_else() -> None:
    engine = Engine()
    engine.opened().destroy()
    assert engine.options["exclude_protected"] is True
    assert engine.options["continue_on_error"] is True
    assert "target" not in engine.options


@pytest.mark.parametrize(
    ("keep", "protected", "goes"),
    [
        ([GROUP], "", {BUCKET, MACHINE}),
        ([MACHINE], "", set()),
        ([BUCKET], "", {COMPONENT, GROUP, MACHINE}),
        ([GROUP], BUCKET, {MACHINE}),
        (["urn:gone"], "", set(PARTS)),
    ],
)
def test_what_stays_keeps_what_it_needs(keep: list[str], protected: str, goes: set[str]) -> None:
    engine = Engine(protected=protected)
    changes = engine.opened().destroy(keep=keep)
    assert set(engine.options.get("target", ())) == goes
    assert "exclude_protected" not in engine.options, "the engine does not take both"
    assert bool(engine.options) is bool(goes), "it is not asked to delete nothing"
    assert changes.nothing is not bool(goes)


def test_what_failed_is_known_with_the_clouds_answer() -> None:
    engine = Engine(*failed(GROUP, REFUSED))
    stack = engine.opened()
    with pytest.raises(CloudError, match="'group' could not be deleted"):
        stack.destroy()
    (found,) = stack.failed_deletions
    assert (found.urn, found.name, found.id) == (GROUP, "group", "id-Group")
    assert found.why == "DependencyViolation: resource sg-1 has a dependent object"
    assert found.code == "DependencyViolation"
    assert found.passes is False


def test_several_failures_are_all_known_and_forgotten_with_the_next_operation() -> None:
    denied = "api error AccessDenied: no"
    engine = Engine(*failed(GROUP, REFUSED), *failed(BUCKET, denied))
    stack = engine.opened()
    with pytest.raises(CloudError):
        stack.destroy()
    assert [each.code for each in stack.failed_deletions] == ["DependencyViolation", "AccessDenied"]
    assert "permission" in (stack.failed_deletions[1].next_step or "")
    engine.events = ()
    stack.destroy()
    assert stack.failed_deletions == ()


def test_what_passes_by_itself_is_marked() -> None:
    engine = Engine(*failed(GROUP, "api error RequestLimitExceeded: slow"), *failed(BUCKET, "the end"))
    stack = engine.opened()
    with pytest.raises(CloudError):
        stack.destroy()
    assert [each.passes for each in stack.failed_deletions] == [True, False]
    assert stack.failed_deletions[1].why == "the end"


def test_another_listener_hears_the_steps() -> None:
    heard: list[EngineEvent] = []
    with pytest.raises(CloudError):
        Engine(*failed(GROUP, REFUSED)).opened().destroy(hear=heard.append)
    assert [each.stage for each in heard if isinstance(each, StepEvent)] == ["failed"]

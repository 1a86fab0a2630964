"""Every preview and update is judged by the policy pack, and what it advises is told once."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import create_autospec

import pytest
from pulumi import automation
from pulumi.automation.events import EngineEvent

from runctl_auto.backend.backend import open_backend
from runctl_auto.engine.engine_options import EngineOptions
from runctl_auto.engine.events import DiagnosticEvent
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.engine.policy_pack import PackInForce
from runctl_auto.engine.program_host import ProgramHost
from runctl_auto.errors import PolicyViolationError

PACK = PackInForce(Path("/pack"), Path("/config.json"))


def report(message: str, level: str = "advisory") -> EngineEvent:
    return EngineEvent.from_json(
        {
            "sequence": 1,
            "timestamp": 1,
            "policyEvent": {
                "policyName": "allowed-regions",
                "policyPackName": "runctl",
                "policyPackVersion": "1",
                "policyPackVersionTag": "1",
                "enforcementLevel": level,
                "message": f"Where.\n{message}",
                "color": "never",
                "resourceUrn": "urn:pulumi:digits::runctl::x::digits",
            },
        }
    )


class Engine:
    """Stands behind a stack: reports what it was given, and remembers how it was called."""

    def __init__(self, *reports: EngineEvent) -> None:
        self.reports = reports
        self.stack = create_autospec(automation.Stack, instance=True)
        self.stack.name = "digits"
        self.stack.preview.side_effect = self.stack.up.side_effect = self._operate
        self.options: list[dict[str, Any]] = []
        self.fails = False

    def _operate(self, *, on_event: Any, **options: Any) -> Any:
        self.options.append(options)
        for each in self.reports:
            on_event(each)
        if self.fails:
            raise automation.CommandError(
                SimpleNamespace(code=255, stdout="", stderr="error: preview failed")
            )
        return SimpleNamespace()


def opened(engine: Engine, told: list[object] | None = None, pack: PackInForce | None = PACK) -> JobStack:
    workspace = create_autospec(automation.LocalWorkspace, instance=True)
    workspace.env_vars = {}
    host = create_autospec(ProgramHost, instance=True)
    host.variables.return_value = {"PULUMI_DEBUG_LANGUAGES": "python:7"}
    on_event = None if told is None else told.append
    options = EngineOptions(policies=pack, on_event=on_event)
    return JobStack(engine.stack, workspace, open_backend("file:///state", "runctl"), options, host)


def test_previews_and_updates_run_the_pack_with_its_configuration() -> None:
    engine = Engine()
    stack = opened(engine)
    stack.preview()
    stack.up()
    for options in engine.options:
        assert options["policy_packs"] == ["/pack"]
        assert options["policy_pack_configs"] == ["/config.json"]


def test_without_a_pack_none_is_run() -> None:
    engine = Engine()
    opened(engine, pack=None).preview()
    assert "policy_packs" not in engine.options[0]


def test_a_plan_carries_advice_and_an_update_tells_only_what_is_new() -> None:
    engine, told = Engine(report("digits: one; allowed: x")), list[object]()
    stack = opened(engine, told)
    assert stack.preview().advice == ("policy: one; allowed: x (rule allowed-regions, resource digits)",)
    engine.reports = (report("digits: one; allowed: x"), report("digits: two; allowed: x"))
    for _ in range(2):
        stack.up()
    warnings = [each.message for each in told if isinstance(each, DiagnosticEvent)]
    assert warnings == ["policy: two; allowed: x (rule allowed-regions, resource digits)"]


def test_a_mandatory_violation_is_raised_with_all_that_it_says() -> None:
    engine = Engine(report("digits: one; allowed: x; job file: region", "mandatory"))
    engine.fails = True
    with pytest.raises(PolicyViolationError) as raised:
        opened(engine).preview()
    (violation,) = raised.value.violations
    assert (violation.found, violation.allowed, violation.field) == ("one", "x", "region")

"""The engine is started once an operation, and what it did is read from its events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from pulumi import automation

from runctl_auto.engine import automation_edge
from runctl_auto.engine.automation_edge import engine_command
from runctl_auto.engine.engine_version import RememberedVersions
from runctl_auto.engine.events import DiagnosticEvent, SummaryEvent, changes_in
from runctl_auto.engine.lean_automation import KnownCommand, LeanStack
from runctl_auto.engine.tied_engine import TiedCommand
from runctl_auto.errors import EngineNotFoundError


class Engine(KnownCommand):
    """Remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(Path("/engine"), "v3.274.1")
        self.asked: list[list[str]] = []

    def run(
        self, args: list[str], cwd: str, additional_env: Mapping[str, str], *more: Any, **named: Any
    ) -> automation.CommandResult:
        self.asked.append(args)
        return automation.CommandResult("", "", 0)


@pytest.mark.parametrize(
    ("verb", "operate"),
    [
        ("up", lambda stack: stack.up(show_secrets=False)),
        ("refresh", lambda stack: stack.refresh(show_secrets=False)),
        ("destroy", lambda stack: stack.destroy(show_secrets=False)),
    ],
)
def test_an_operation_is_one_start(
    tmp_path: Path, verb: str, operate: Callable[[automation.Stack], object]
) -> None:
    engine = Engine()
    (tmp_path / "Pulumi.yaml").write_text("name: runctl\nruntime: python\n")
    operate(LeanStack.known("digits", automation.LocalWorkspace(str(tmp_path), pulumi_command=engine)))
    (asked,) = engine.asked
    assert asked[0] == verb
    assert asked[asked.index("--stack") + 1] == "digits"


def test_a_stack_that_may_not_be_there_is_selected(tmp_path: Path) -> None:
    engine = Engine()
    LeanStack.select("digits", automation.LocalWorkspace(str(tmp_path), pulumi_command=engine))
    (asked,) = engine.asked
    assert asked[:4] == ["stack", "select", "--stack", "digits"]


def test_what_an_operation_did_is_what_its_last_summary_says() -> None:
    told = (
        SummaryEvent((("same", 1),), 1),
        DiagnosticEvent("info", "x", ""),
        SummaryEvent((("create", 2),), 1),
    )
    assert changes_in(told) == {"create": 2}
    assert changes_in(told[1:2]) == {}


@pytest.mark.parametrize(("tied", "kind"), [(False, KnownCommand), (True, TiedCommand)])
def test_an_engine_whose_version_is_remembered_is_not_started(
    monkeypatch: pytest.MonkeyPatch, tied: bool, kind: type[KnownCommand]
) -> None:
    known = create_autospec(RememberedVersions, instance=True)
    known.version.return_value = "v3.274.1"
    monkeypatch.setattr(automation_edge, "RememberedVersions", lambda environ: known)
    command = engine_command(Path("/no/engine"), tied=tied)
    assert type(command) is kind
    assert (command.command, str(command.version)) == ("/no/engine/bin/pulumi", "3.274.1")


def test_an_engine_that_tells_no_version_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    known = create_autospec(RememberedVersions, instance=True)
    known.version.return_value = None
    monkeypatch.setattr(automation_edge, "RememberedVersions", lambda environ: known)
    with pytest.raises(EngineNotFoundError, match="does not start"):
        engine_command(Path("/no/engine"))

"""``runctl watch``: what it asks for, what it prints, how it ends."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from support.output_schemas import problems
from support.sessions import fake_session

from runctl_auto.cli.commands.watch import command
from runctl_auto.cli.console import Console
from runctl_auto.cli.invocation import Invocation
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.watch.events import EVENTS, WatchEvent
from runctl_auto.jobs.watch.watcher import WatchOptions
from runctl_auto.operations import watch as operation

AT = "2026-11-30T10:11:12+00:00"


class Ran:
    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, *arguments: str, as_json: bool, does: Any = None
    ) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.options: list[WatchOptions] = []

        def watch(
            session: Session,
            options: WatchOptions,
            tell: Callable[[WatchEvent], None],
            open_session: Callable[[], Session],
        ) -> None:
            assert open_session() is not session, "machines are made side by side"
            self.options.append(options)
            for name in EVENTS:
                tell(
                    WatchEvent(
                        event=name, job="digits", at=AT, run="r1", phase="running", message="a\x1b[31mb"
                    )
                )
            if does is not None:
                raise does

        monkeypatch.setattr(operation, "watch", watch)
        invocation = Invocation(console=Console(as_json=as_json, out=self.out, err=self.err))
        monkeypatch.setattr(Invocation, "session", lambda self: fake_session())
        self.result = CliRunner().invoke(command, list(arguments), obj=invocation, standalone_mode=False)


def test_every_event_is_an_object_on_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = Ran(monkeypatch, "--all", as_json=True)
    found = [json.loads(line) for line in ran.out.getvalue().splitlines()]
    assert [each["event"] for each in found] == list(EVENTS)
    assert [problems("watch", each) for each in found] == [[]] * len(EVENTS)
    assert ran.result.return_value == 0


def test_every_event_is_a_line_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = Ran(monkeypatch, "digits", "digits", as_json=False)
    lines = ran.out.getvalue().splitlines()
    assert len(lines) == len(EVENTS)
    assert all(line.startswith("10:11:12 digits: ") and "\x1b" not in line for line in lines)
    assert ran.options[0].jobs == ("digits",)


def test_ctrl_c_ends_it_with_130_and_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = Ran(monkeypatch, "--all", as_json=True, does=KeyboardInterrupt())
    assert ran.result.return_value == 130
    assert len(ran.out.getvalue().splitlines()) == len(EVENTS)
    assert "the jobs go on" in ran.err.getvalue()


@pytest.mark.parametrize(
    "arguments", [(), ("digits", "--all"), ("digits", "--every", "0"), ("--hung-after", "5")]
)
def test_what_is_no_watch_is_refused(monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
    ran = Ran(monkeypatch, *arguments, as_json=False)
    assert ran.result.exception is not None
    assert ran.options == []

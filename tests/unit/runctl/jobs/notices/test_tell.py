"""Notices from where runctl runs: of jobs that name somebody, once, also beside the machine's own."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest import mock

import pytest
from support.agent_stand_ins import MemoryStore
from support.job_stacks import Told, stack_config
from support.sessions import fake_provider, fake_results, fake_session
from support.versioned_in_memory import VersionedInMemory

from runctl_auto.agent.notices.notice_command import NoticeCommand
from runctl_auto.agent.notices.notice_contract import Sent
from runctl_auto.agent.notices.notice_marks import claim
from runctl_auto.agent.notices.webhook import Delivery
from runctl_auto.agent.store.web import Response, Web
from runctl_auto.cost.amount import Amount
from runctl_auto.cost.budgets import Budget
from runctl_auto.job_file.spec import Notify
from runctl_auto.jobs.notices import tell as notices_module
from runctl_auto.jobs.notices.tell import Notices
from runctl_auto.jobs.session import Time
from runctl_auto.observe.notices import notices_of
from runctl_auto.run.status import RunStatus
from runctl_auto.settings.schema import NotifySettings, Settings

NOW = datetime(2026, 11, 30, 12, tzinfo=timezone.utc)
ADDRESS = "https://hooks.slack.com/services/planted-value"
JOB = replace(stack_config(), notify=Notify(webhook="HOOK"))
FAILED = RunStatus(run="r1", phase="failed", exit_code=3, ended_at="2026-11-30T11:50:00Z")


class World:
    def __init__(self, status: int = 200, *, shell: dict[str, str] | None = None, **notify: Any) -> None:
        self.store = MemoryStore()
        self.told = Told()
        self.web = mock.create_autospec(Web, instance=True)
        self.web.send.side_effect = lambda *_: Response(status, {}, io.BytesIO())
        provider = fake_provider(results=fake_results(objects=self.store))
        session = fake_session(
            provider=provider,
            told=self.told,
            settings=Settings(owner="bob", notify=NotifySettings(**notify)),
            time=Time(now=lambda: NOW),
        )
        self.files = VersionedInMemory()
        session.driver.backend.versioned_files = self.files  # type: ignore[misc]
        self.session = replace(session, shell={"HOOK": ADDRESS} if shell is None else shell)

    def notices(self, by: str = "watch") -> Notices:
        return Notices(self.session, by, self.web)

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(call.args[3]) for call in self.web.send.call_args_list]


def test_two_commands_and_the_machine_tell_an_end_once() -> None:
    world = World()
    for by in ("up", "watch"):
        notices = world.notices(by)
        notices.ended(JOB, FAILED)
        notices.ended(JOB, FAILED)
        notices.drain(60)
    assert [each["text"] for each in world.bodies()] == ["digits: training failed with exit code 3"]
    (sent,) = notices_of(world.store, "r1")
    assert (sent.notice, sent.channel, sent.told.outcome, sent.told.by) == (
        "ended",
        "webhook",
        "sent",
        "runctl up",
    )
    assert "planted-value" not in str(world.store.objects) + str(world.told.said)


def test_what_the_machine_has_sent_is_not_sent_again() -> None:
    world = World()
    mark = claim(world.store, "runs/r1/notices/", "webhook", "ended", by="machine i-1", at="")
    assert mark is not None
    mark.record(Delivery(Sent.SENT))
    notices = world.notices()
    notices.ended(JOB, FAILED)
    notices.drain(60)
    assert not world.web.send.called


def test_where_nobody_is_named_nothing_is_asked() -> None:
    world = World()
    notices = world.notices()
    notices.ended(stack_config(), FAILED)
    notices.interrupted(stack_config(), "i-1", "gone")
    notices.silent(stack_config(), "i-1", 600)
    notices.budgets([Budget(of="owner bob", usd=10, spent=Amount(10))])
    notices.drain(0)
    assert not world.web.send.called
    assert (world.store.objects, world.told.said) == ({}, [])


def test_an_old_end_is_no_news_to_who_sees_the_run_for_the_first_time() -> None:
    world = World()
    old = replace(FAILED, ended_at=(NOW - timedelta(days=3)).isoformat())
    notices = world.notices()
    for each in (old, replace(FAILED, ended_at=None), replace(FAILED, ended_at="soon")):
        notices.ended(JOB, each, is_news=False)
    notices.ended(JOB, replace(FAILED, phase="running"))
    notices.drain(60)
    assert not world.web.send.called
    notices.ended(JOB, old)
    notices.drain(60)
    assert world.web.send.called


@pytest.mark.parametrize(
    ("shell", "said"),
    [
        ({}, "notify: HOOK is not set here, so that the notices of job 'digits' are not sent from here"),
        (
            {"HOOK": "http://example.com/planted-value"},
            "notify: the value of HOOK must be an https:// address; http:// is for this machine only",
        ),
    ],
)
def test_an_address_that_is_missing_or_unsafe_is_said_once(shell: dict[str, str], said: str) -> None:
    world = World(shell=shell)
    notices = world.notices()
    notices.interrupted(JOB, "i-1", "gone")
    notices.interrupted(JOB, "i-2", "gone")
    notices.drain(60)
    assert world.told.said == [said]
    assert world.store.objects == {}, "somebody else may send them"


def test_silence_is_marked_where_the_machine_cannot_write() -> None:
    world = World()
    notices = world.notices("reap")
    notices.silent(JOB, "i-1", 720)
    notices.drain(60)
    assert list(world.store.objects) == ["runs/r1/control/notices/webhook/silent-i-1/1.json"]
    assert "has not reported for 12 minutes" in world.bodies()[0]["text"]


def test_a_webhook_that_fails_is_said_and_recorded() -> None:
    world = World(status=404)
    notices = world.notices()
    notices.ended(JOB, FAILED)
    notices.drain(60)
    assert world.told.said == ["notify: failure by webhook: HTTP 404"]
    (sent,) = notices_of(world.store, "r1")
    assert (sent.told.outcome, sent.told.why) == ("failed", "HTTP 404")


def test_each_step_of_a_budget_is_told_once_a_month() -> None:
    world = World(webhook="HOOK", format="json")
    for spent, by in ((4, "up"), (5, "up"), (6, "watch"), (8, "up"), (12, "watch"), (12, "up")):
        notices = world.notices(by)
        notices.budgets([Budget(of="owner bob", usd=10, spent=Amount(spent))])
        notices.drain(60)
    assert [each["step"] for each in world.bodies()] == [50, 80, 100]
    assert world.bodies()[0]["text"] == "$5.00 of the monthly budget of $10.00 of owner bob is spent (50 %)"


def test_only_what_is_asked_for_is_told() -> None:
    world = World(webhook="HOOK", on=("failure",))
    notices = world.notices()
    notices.budgets([Budget(of="owner bob", usd=10, spent=Amount(10))])
    notices.interrupted(replace(JOB, notify=Notify(webhook="HOOK", on=("end",))), "i-1", "gone")
    notices.drain(60)
    assert not world.web.send.called


def test_marks_that_a_machine_wrote_are_shown_as_they_are_read() -> None:
    store = MemoryStore()
    store.objects |= {
        "runs/r1/notices/webhook/ended/1.json": b'{"outcome": "failed", "why": "HTTP 500", "at": "1"}',
        "runs/r1/notices/webhook/ended/2.json": b'{"outcome": "sent", "at": "2", "by": "runctl up"}',
        "runs/r1/notices/a/b/c/d": b"",
        "runs/r1/notices/webhook/x/1.json": b"\\xff",
        "runs/r1/control/notices/webhook/silent-i-1/1.json": b'{"outcome": "sending", "at": "3"}',
    }
    found = [(each.notice, each.told.outcome) for each in notices_of(store, "r1")]
    assert found == [("x", "unknown"), ("ended", "sent"), ("silent-i-1", "sending")]
    assert notices_of(store, "r1")[0].as_json()["why"] == "its mark cannot be read"


def test_a_command_of_the_settings_runs_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """For jobs that name nobody too."""
    made = mock.create_autospec(NoticeCommand)
    made.return_value.deliver.return_value = Delivery(Sent.SENT)
    monkeypatch.setattr(notices_module, "NoticeCommand", made)
    world = World(command="tell")
    notices = world.notices("up")
    notices.ended(stack_config(), FAILED)
    notices.drain(60)
    assert made.call_args.args[0] == "tell"
    assert list(world.store.objects) == ["runs/r1/notices/command-here/ended/1.json"]

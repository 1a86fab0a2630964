"""Who may reach a machine, and the record of it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.agent_stand_ins import MemoryStore
from support.job_stacks import instance_state, stack_config, stack_state, volume_state
from support.sessions import fake_provider, fake_results, fake_session

from runctl_auto.errors import AccessDeniedError, SessionRefusedError
from runctl_auto.jobs.reach.admission import MOST_RECORDS, admit, records_of, records_prefix
from runctl_auto.jobs.reach.machine import ReachedMachine
from runctl_auto.jobs.session import Time
from runctl_auto.providers.contract import CallerIdentity, Machine
from runctl_auto.providers.reach import Reach, SeenSession
from runctl_auto.settings.schema import SessionSettings, Settings

NOW = datetime(2026, 11, 30, 12, tzinfo=timezone.utc)
ANN = "arn:aws:iam::111122223333:user/ann"


def reached(*, protected: bool = False, **settings: Any) -> tuple[ReachedMachine, MemoryStore]:
    store = MemoryStore()
    provider = fake_provider(results=fake_results(objects=store))
    provider.reach = create_autospec(Reach, instance=True)
    provider.caller.return_value = CallerIdentity("111122223333", ANN)
    session = fake_session(
        provider=provider,
        settings=Settings(owner="bob", sessions=SessionSettings(**settings)),
        time=Time(now=lambda: NOW),
    )
    state = stack_state(instance_state(), volume_state(protect=protected))
    return ReachedMachine(session, stack_config(), state, Machine("i-1", "running"), provider), store


def test_who_reaches_a_machine_is_recorded_before_the_session_is() -> None:
    machine, store = reached()
    admit(machine, "exec")
    (key,) = store.objects
    assert key.startswith(records_prefix(machine.run))
    told = json.loads(store.objects[key])
    assert (told["who"], told["kind"], told["machine"]) == (ANN, "exec", "i-1")
    machine.provider.reach.write_log.assert_not_called()  # type: ignore[attr-defined]


def test_it_is_logged_where_the_settings_say() -> None:
    machine, _ = reached(log_group="team/sessions", log_bucket="audit/runctl")
    admit(machine, "shell")
    reach: Any = machine.provider.reach
    assert reach.write_log.call_args.args[0] == "team/sessions"
    bucket, key, text = reach.write_object.call_args.args
    assert bucket == "audit"
    assert key.startswith("runctl/digits/")
    assert json.loads(text)["who"] == ANN


def test_a_session_that_cannot_be_logged_is_refused() -> None:
    machine, _ = reached(log_group="team/sessions")
    reach: Any = machine.provider.reach
    reach.write_log.side_effect = AccessDeniedError("no")
    with pytest.raises(SessionRefusedError, match="could not be recorded"):
        admit(machine, "forward")


def test_a_protected_job_may_be_closed() -> None:
    machine, store = reached(protected=True)
    admit(machine, "shell")
    assert store.objects
    machine, store = closed(protected=True)
    with pytest.raises(SessionRefusedError, match="protected") as caught:
        admit(machine, "exec")
    assert caught.value.exit_code == 4
    assert not store.objects
    machine, store = closed(protected=False)
    admit(machine, "exec")
    assert store.objects


def closed(*, protected: bool) -> tuple[ReachedMachine, MemoryStore]:
    machine, store = reached(protected=protected)
    settings = Settings(owner="bob", sessions=SessionSettings(protected="forbid"))
    session = fake_session(provider=machine.provider, settings=settings, time=Time(now=lambda: NOW))
    return (
        ReachedMachine(session, machine.config, machine.state, machine.machine, machine.provider),
        store,
    )


def seen(kind: str, seconds: float, who: str = ANN, identity: str = "s-1") -> SeenSession:
    return SeenSession(identity, "i-1", who, kind, NOW + timedelta(seconds=seconds), None)


def test_a_session_that_the_cloud_knows_is_told_once() -> None:
    machine, store = reached()
    for kind in ("exec", "shell"):
        admit(machine, kind)  # type: ignore[arg-type]
    told = records_of(
        fake_results(objects=store), [machine.run], [seen("shell", 2), seen("console", 99, "somebody", "s-2")]
    )
    assert [(each.kind, each.session) for each in told] == [
        ("console", "s-2"),
        ("shell", "s-1"),
        ("exec", None),
    ]


def test_a_record_that_is_none_is_left_out() -> None:
    store = MemoryStore()
    store.objects[f"{records_prefix('r')}a.json"] = b"no json"
    store.objects[f"{records_prefix('r')}b.json"] = b"x" * 10_000
    assert records_of(fake_results(objects=store), ["r"], []) == ()


def test_so_many_are_told() -> None:
    many = [seen("shell", number, identity=f"s-{number}") for number in range(MOST_RECORDS + 5)]
    told = records_of(fake_results(objects=MemoryStore()), ["r"], many)
    assert len(told) == MOST_RECORDS
    assert told[0].session == f"s-{MOST_RECORDS + 4}"

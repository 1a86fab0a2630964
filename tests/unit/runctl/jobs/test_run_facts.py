"""What is told of a run at one moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest
from support.job_stacks import job_spec, placement, stack_config

from runctl_auto.jobs.run_facts import RunFacts
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.prices import Rates

RATES = Rates(volume_gb_month=0.0073)
"""50 GB cost 0.0005 USD an hour."""
NOW = datetime(2026, 1, 1, 1, 0, 0, tzinfo=timezone.utc)


def facts(**status: Any) -> RunFacts:
    values = {"phase": "running", "started_at": "2026-01-01T00:00:00Z", **status}
    config = stack_config(
        job=job_spec(tags={"team": "nlp"}), placement=placement(price_hour=0.6), owner="ann", rates=RATES
    )
    return RunFacts(config, RunStatus(run="r1", **values), NOW)


def test_all_that_a_list_tells() -> None:
    told = facts(
        updated_at="2026-01-01T00:59:50Z",
        seconds={"boot": 90.0, "run": 3500.0},
        raw={"checkpoints": {"count": 3, "last": "00000002", "last_at": "2026-01-01T00:58:00Z"}},
    ).as_json()
    assert told == {
        "job": "digits",
        "owner": "ann",
        "project": "runctl",
        "tags": {"team": "nlp"},
        "run": "r1",
        "attempt": 1,
        "problem": None,
        "started_at": "2026-01-01T00:00:00Z",
        "age_seconds": 3600.0,
        "heartbeat_age_seconds": 10.0,
        "cost": {
            "usd": 0.6005,
            "at_least": False,
            "hour": 0.6005,
            "price_hour": 0.6,
            "seconds": 3600.0,
            "machine_count": 1,
            "machines": 0.6,
            "disks": 0.0005,
            "addresses": 0.0,
            "volumes": 0.0,
        },
        "checkpoints": {"count": 3, "last": "00000002", "last_at": "2026-01-01T00:58:00Z"},
    }


def test_the_age_of_a_run_that_has_ended_stands_still() -> None:
    assert facts(phase="failed", ended_at="2026-01-01T00:30:00Z").age_seconds == 1800


def test_before_the_first_word_nothing_is_known() -> None:
    told = RunFacts(stack_config(), None, NOW).as_json()
    unknown = ("started_at", "age_seconds", "heartbeat_age_seconds", "checkpoints")
    assert [told[key] for key in unknown] == [None] * 4
    assert told["cost"]["usd"] == 0
    told = RunFacts(stack_config(), None, NOW, unread=True).as_json()
    assert told["cost"]["usd"] is None


@pytest.mark.parametrize(
    ("phase", "machine_runs", "told"),
    [
        ("running", None, "running"),
        ("running", True, "running"),
        ("running", False, "lost"),
        ("stopping", False, "lost"),
        ("interrupted", False, "interrupted"),
        ("succeeded", False, "succeeded"),
        ("failed", False, "failed"),
    ],
)
def test_a_run_whose_machine_ended_before_it_is_lost(
    phase: str, machine_runs: bool | None, told: str
) -> None:
    assert replace(facts(phase=phase), machine_runs=machine_runs).phase == told


@pytest.mark.parametrize(
    ("phase", "heard_at", "silent"),
    [
        ("running", "2026-01-01T00:59:00Z", False),
        ("running", "2026-01-01T00:57:59Z", True),
        ("running", None, True),
        ("stopped", "2026-01-01T00:10:00Z", False),
    ],
)
def test_who_should_tell_of_itself_and_does_not_is_silent(
    phase: str, heard_at: str | None, silent: bool
) -> None:
    assert facts(phase=phase, updated_at=heard_at).is_silent == silent


@pytest.mark.parametrize(
    ("written", "age"),
    [("2026-01-01T00:59:00Z", 60.0), ("2026-01-01T01:02:00+00:00", 0.0), (None, None), ("soon", None)],
)
def test_the_age_of_the_last_sign_of_life(written: str | None, age: float | None) -> None:
    assert facts(updated_at=written).heartbeat_age_seconds == age

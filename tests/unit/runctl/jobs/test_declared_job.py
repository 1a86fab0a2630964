"""What a job of another program is to be: decided once, and kept until it changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import instance_state, job_spec, offers, placement, stack_state
from support.sessions import fake_provider, fake_session

from runctl_auto.errors import UsageError
from runctl_auto.job_file.document import JobDocument
from runctl_auto.job_file.job_file import JobFile
from runctl_auto.jobs.check import CheckedJob
from runctl_auto.jobs.current_job import CurrentJob
from runctl_auto.jobs.declared_job import decide_declared
from runctl_auto.jobs.material import Material
from runctl_auto.jobs.session import Session
from runctl_auto.packaging.work_folder import WorkFolder
from runctl_auto.providers.contract import Account
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.decisions import Decisions

MATERIAL = Material(Account("111122223333", "aws"), "c" * 64, "a" * 64)


def checked(**changes: Any) -> CheckedJob:
    file = JobFile(Path("TrainingJob digits"), job_spec(**changes), JobDocument("TrainingJob digits", {}))
    return CheckedJob(file, create_autospec(WorkFolder, instance=True))


def session(price: float, zone: str) -> Session:
    provider = fake_provider()
    provider.offers.side_effect = None
    provider.offers.return_value = offers(placement(price_hour=price, zone=zone))
    return fake_session(provider=provider)


def as_it_is(decided: Decisions, phase: str | None = "running") -> tuple[Decisions, CurrentJob]:
    run = decided.config.run.id
    status = None if phase is None else RunStatus(run=run, phase=phase)
    return decided, CurrentJob(decided.config, stack_state(instance_state()), status)


@pytest.fixture
def first() -> Decisions:
    return decide_declared(
        session(0.01, "us-east-1b"), checked(), MATERIAL, None, rerun=None, stack="dev", environ={}
    )


def test_a_price_that_moved_changes_nothing(first: Decisions) -> None:
    again = decide_declared(
        session(0.09, "us-east-1c"), checked(), MATERIAL, as_it_is(first), rerun=None, stack="dev", environ={}
    )
    assert again.to_text() == first.to_text()


def test_another_command_is_another_run(first: Decisions) -> None:
    again = decide_declared(
        session(0.09, "us-east-1c"),
        checked(run="python3 other.py"),
        MATERIAL,
        as_it_is(first),
        rerun=None,
        stack="dev",
        environ={},
    )
    assert again.config.run.attempt == 2
    assert again.config.run.lineage == first.config.run.id
    assert again.config.placement.zone == "us-east-1c"


def test_another_text_makes_an_attempt_and_the_same_text_none(first: Decisions) -> None:
    found = session(0.01, "us-east-1b")
    second = decide_declared(
        found, checked(), MATERIAL, as_it_is(first, "failed"), rerun="2", stack="dev", environ={}
    )
    assert (second.config.run.attempt, second.rerun) == (2, "2")
    for text in ("2", None):
        same = decide_declared(
            found, checked(), MATERIAL, as_it_is(second), rerun=text, stack="dev", environ={}
        )
        assert same == second


def test_two_stacks_cannot_have_one_job(first: Decisions) -> None:
    with pytest.raises(UsageError, match="belongs to stack 'dev' of this program, not to 'prod'"):
        decide_declared(
            session(0.01, "us-east-1b"),
            checked(),
            MATERIAL,
            as_it_is(first),
            rerun=None,
            stack="prod",
            environ={},
        )


def test_a_webhook_is_told_by_the_environment_or_is_refused() -> None:
    job = checked(notify={"webhook": "HOOK"})
    found = session(0.01, "us-east-1b")
    with pytest.raises(UsageError, match="HOOK"):
        decide_declared(found, job, MATERIAL, None, rerun=None, stack="dev", environ={})
    environ = {"HOOK": "https://hooks.example.org/1"}
    decided = decide_declared(found, job, MATERIAL, None, rerun=None, stack="dev", environ=environ)
    assert decided.config.secret_names == ("HOOK",)
    assert "hooks.example.org" not in decided.to_text()

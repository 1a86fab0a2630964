"""Which run an ``up`` means."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runctl_auto.job_file.spec import JobSpec
from runctl_auto.run.identity import RunIdentity, choose_run
from runctl_auto.run.status import RunStatus

BASE: dict[str, Any] = {
    "name": "digits",
    "region": "us-east-1",
    "run": "python train.py",
    "env": {"SEED": "1"},
}


def job(**changes: Any) -> JobSpec:
    return JobSpec.model_validate({**BASE, **changes})


def choose(spec: JobSpec | None = None, **changes: Any) -> RunIdentity:
    defaults: dict[str, Any] = {
        "code_sha256": "code",
        "agent_sha256": "agent",
        "previous": None,
        "previous_status": None,
    }
    return choose_run(spec or job(), **{**defaults, **changes})


def test_the_first_run_begins_a_lineage_of_its_own() -> None:
    run = choose()
    assert (run.attempt, run.lineage) == (1, run.id)
    assert len(run.id) == 10


def test_the_same_job_is_the_same_run_even_for_a_newer_agent() -> None:
    first = choose()
    assert choose(previous=first, agent_sha256="newer") == first


@pytest.mark.parametrize("phase", ["running", "succeeded", "failed", "stopped", "interrupted"])
def test_the_same_job_is_the_same_run_however_it_went(phase: str) -> None:
    first = choose()
    assert choose(previous=first, previous_status=RunStatus(first.id, phase)) == first


@pytest.mark.parametrize(
    "changes",
    [
        {"tags": {"team": "nlp"}},
        {"budget": 20},
        {"background": "wait"},
        {"shell": "bash -e"},
        {"max_price": 1.0},
        {"max_duration": "12h"},
        {"artifacts": {"paths": ["model"]}},
        {"volumes": [{"name": "data", "size": "1GB", "mount": "/data"}]},
        {"resources": {"instance_types": ["g5.xlarge"]}},
    ],
)
def test_what_does_not_change_what_runs_makes_no_new_run(changes: dict[str, Any]) -> None:
    first = choose()
    assert choose(job(**changes), previous=first) == first


@pytest.mark.parametrize(
    "changes", [{"run": "other"}, {"setup": "make"}, {"env": {"SEED": "2"}}, {"shell": "sh"}]
)
def test_what_changes_what_runs_is_a_new_run_that_goes_on_from_the_checkpoint(
    changes: dict[str, Any],
) -> None:
    first = choose()
    second = choose(job(**changes), previous=first, agent_sha256="newer")
    assert second.id != first.id
    assert (second.attempt, second.lineage, second.agent_sha256) == (2, first.id, "newer")


def test_changed_code_is_a_new_run() -> None:
    first = choose()
    assert choose(previous=first, code_sha256="other").lineage == first.id


def test_going_back_to_earlier_code_is_not_the_earlier_run() -> None:
    first = choose()
    second = choose(previous=first, code_sha256="other")
    third = choose(previous=second)
    assert third.attempt == 3
    assert len({first.id, second.id, third.id}) == 3


@pytest.mark.parametrize(
    ("phase", "goes_on"), [("failed", True), ("stopped", True), ("interrupted", True), ("succeeded", False)]
)
def test_a_rerun_goes_on_from_the_checkpoint_unless_the_run_succeeded(phase: str, goes_on: bool) -> None:
    first = choose()
    again = choose(previous=first, previous_status=RunStatus(first.id, phase), rerun=True)
    assert again.attempt == 2
    assert again.lineage == (first.id if goes_on else again.id)


@pytest.mark.parametrize("phase", ["failed", "succeeded"])
@pytest.mark.parametrize("afresh", [True, False])
def test_a_rerun_may_be_told_which_checkpoints_it_has(phase: str, afresh: bool) -> None:
    first = choose()
    again = choose(previous=first, previous_status=RunStatus(first.id, phase), rerun=True, afresh=afresh)
    assert again.lineage == (again.id if afresh else first.id)


def test_the_order_of_variables_does_not_matter() -> None:
    one, other = job(env={"A": "1", "B": "2"}), job(env={"B": "2", "A": "1"})
    assert choose(one) == choose(other)


@settings(max_examples=60)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["a", "b"]),
            st.booleans(),
            st.sampled_from([None, "failed", "succeeded", "running"]),
        ),
        max_size=8,
    )
)
def test_no_run_ever_finds_the_status_of_an_earlier_one(steps: list[tuple[str, bool, str | None]]) -> None:
    current = choose()
    seen = [current.id]
    for code, rerun, phase in steps:
        status = RunStatus(current.id, phase) if phase else None
        following = choose(previous=current, previous_status=status, code_sha256=code, rerun=rerun)
        if following != current:
            assert following.id not in seen
            assert following.attempt == current.attempt + 1
            seen.append(following.id)
        current = following

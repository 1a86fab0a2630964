"""The machines of a job over time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from support.jobs_at_a_glance import NOW, at, few_jobs, listed, machine, run_status

from runctl_auto.pages.looks.timeline import MOST_SHOWN, Timeline, timeline_of

JOBS = {each.summary.name: each for each in few_jobs()}


def of(name: str) -> Timeline:
    facts = JOBS[name].facts
    assert facts is not None
    return timeline_of(facts)


def test_a_run_that_lost_machines_and_goes_on() -> None:
    found = of("vit-base")
    assert [each.how for each in found.placed] == ["interrupted", "interrupted", "runs"]
    assert found.placed[-1].ended == NOW
    assert found.placed[0].usd == pytest.approx(3.1 * 0.42)
    assert found.interruptions == 2
    assert [each.kind for each in found.marks] == ["refused", "checkpoint"]
    assert found.span == (found.placed[0].began, NOW)


def test_a_run_without_a_machine_for_now() -> None:
    assert [each.how for each in of("speech-ctc").placed] == ["interrupted"]


def test_tries_that_failed() -> None:
    marks = of("llama-lora").marks
    assert marks[0].what == "try 1 failed: CUDA out of memory"


@pytest.mark.parametrize(
    ("ended", "runs", "how"), [(None, True, "runs"), (None, False, "vanished"), (0.5, True, "ended")]
)
def test_the_last_machine(ended: float | None, runs: bool, how: str) -> None:
    job = listed("digits", run_status("digits", "r1", "running", [machine(1, 2, ended)]))
    facts = job.facts
    assert facts is not None
    values: dict[str, Any] = {**vars(facts), "machine_runs": runs}
    assert [each.how for each in timeline_of(type(facts)(**values)).placed] == [how]


def test_a_machine_that_went_without_a_word_counts_until_it_was_last_heard() -> None:
    gone = machine(1, 9, None, seen_at=at(7))
    job = listed("digits", run_status("digits", "r1", "running", [gone, machine(2, 3, None)]))
    assert job.facts is not None
    first = timeline_of(job.facts).placed[0]
    assert (first.how, first.seconds) == ("vanished", timedelta(hours=2).total_seconds())


def test_of_very_many_the_last_are_shown() -> None:
    many = [machine(number, 200 - number, 199.5 - number) for number in range(120)]
    job = listed("digits", run_status("digits", "r1", "interrupted", many))
    assert job.facts is not None
    found = timeline_of(job.facts)
    assert (len(found.placed), found.left_out) == (MOST_SHOWN, 120 - MOST_SHOWN)
    assert found.placed[-1].machine == many[-1]["id"]


def test_nothing_yet() -> None:
    found = of("resnet-sweep-02")
    assert (found.placed, found.marks, found.span) == ((), (), None)

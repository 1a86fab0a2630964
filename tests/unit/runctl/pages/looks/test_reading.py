"""What is read when somebody wants to see it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.agent_stand_ins import MemoryStore
from support.jobs_at_a_glance import NOW, few_jobs, log_text, session_of

from runctl_auto.agent.keys import metrics_key
from runctl_auto.errors import AccessDeniedError, JobNotFoundError
from runctl_auto.jobs.session import Session
from runctl_auto.pages.looks.all_jobs import AllJobs
from runctl_auto.pages.looks.look import Look, look_of
from runctl_auto.pages.looks.reading import LEAKS_SECONDS, Reading
from runctl_auto.pages.looks.receipts import receipts


def look() -> Look:
    return look_of(NOW, few_jobs())


def test_all_jobs_as_they_are_listed() -> None:
    jobs = AllJobs(session_of(few_jobs()))
    first = jobs.look()
    assert [each.name for each in first.rows] == [each.summary.name for each in few_jobs()]
    vit = next(each for each in first.rows if each.name == "vit-base")
    assert (vit.phase, vit.interruptions, vit.checkpoints) == ("running", 2, 41)
    assert jobs.look().rows == first.rows


def test_metrics_are_drawn_in_the_units_of_people() -> None:
    found = Reading.of(session_of(few_jobs(), log_text())).details(look(), "vit-base")
    series = {each.name: each for each in found.metrics.series}
    assert list(series) == ["loss", "accuracy", "GPU use", "GPU memory"]
    gpu = series["GPU use"]
    assert (gpu.unit, gpu.over) == ("%", "time")
    assert 50 < max(y for _, y in gpu.points) <= 100
    assert NOW.timestamp() - 8001 < gpu.points[0][0] < NOW.timestamp()
    assert series["loss"].points[0][0] == 0
    assert found.log is not None
    assert found.log.lines[0].startswith("epoch 1 ")


def test_metrics_that_cannot_be_read_are_a_problem_of_their_own() -> None:
    session = session_of(few_jobs(), log_text())
    store = MemoryStore()
    store.put(metrics_key("r7f31c"), b"{")
    session.provider().results("x", "y").objects.return_value = store  # type: ignore[attr-defined]
    found = Reading.of(session).details(look(), "vit-base")
    assert found.metrics.series == ()
    assert "cannot be read" in (found.metrics.problem or "")
    assert found.log is not None


def test_a_log_that_may_not_be_read_is_a_problem_of_its_own() -> None:
    session = session_of(few_jobs())
    session.provider().results("x", "y").log_parts.side_effect = AccessDeniedError("no")  # type: ignore[attr-defined]
    found = Reading.of(session).details(look(), "vit-base")
    assert (found.log, found.log_problem) == (None, "no")
    assert found.metrics.series


def test_a_job_that_is_not_among_those_of_the_look() -> None:
    with pytest.raises(JobNotFoundError):
        Reading.of(session_of(few_jobs())).details(look(), "nope")


def test_costs_are_read_once_a_look() -> None:
    session = session_of(few_jobs())
    reading, first = Reading.of(session), look()
    found = reading.costs(first)
    assert reading.costs(first) is found
    assert reading.costs(look()) is not found
    assert [each.key for each in found.by_owner] == ["ann", "bob", "eve"]
    assert sum(each.usd.usd for each in found.by_job) == pytest.approx(found.total.usd)


def test_leaks_are_searched_for_again_after_a_while() -> None:
    session = session_of(few_jobs())
    searched: list[Session] = []

    def find(session: Session) -> Mapping[str, Any]:
        searched.append(session)
        raise AccessDeniedError("You may not list volumes.")

    reading = Reading.of(session, find)
    reading.in_background = lambda work: work()
    reading.look_for_leaks()
    reading.look_for_leaks()
    assert len(searched) == 1
    assert reading.leaks_problem is not None
    reading._leaks_at = session.time.monotonic() - LEAKS_SECONDS
    reading.look_for_leaks()
    assert len(searched) == 2


def test_receipts_the_newest_first(tmp_path: Path) -> None:
    folder = tmp_path / "receipts" / "digits"
    folder.mkdir(parents=True)
    content = {
        "job": "digits",
        "at": "2026-11-30T10:00:00Z",
        "nothing_left": False,
        "deleted": [{"type": "aws:s3/bucket:Bucket", "name": "b", "id": "b-1"}],
        "kept": [{"type": "aws:ebs/volume:Volume", "name": "data", "id": "vol-1", "why": "protected"}],
        "leaked": [{"kind": "ebs volume", "id": "vol-2", "remove": "aws ec2 delete-volume"}, "odd"],
    }
    (folder / "20261130T100000.000000Z.json").write_text(json.dumps(content))
    (folder / "20261130T110000.000000Z.json").write_text('{"job": "digits", "nothing_left": true}')
    (folder / "20261130T120000.000000Z.json").write_text("[")
    (folder / "20261130T130000.000000Z.json").write_text("[1]")
    (folder / "20261130T140000.000000Z.json").symlink_to(folder / "20261130T100000.000000Z.json")
    newest, oldest = receipts(tmp_path)
    assert newest.nothing_left
    assert oldest.kept == (("aws:ebs/volume:Volume", "data", "protected"),)
    assert oldest.leaked == (("ebs volume", "vol-2", "aws ec2 delete-volume"),)
    assert receipts(tmp_path / "none") == ()

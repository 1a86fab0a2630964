"""``ls``: what fits the filters, and what is told of jobs of which something is not known."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import Told, job_spec, stack_config
from support.output_schemas import problems

from runctl_auto.engine.driver import Driver, JobSummary
from runctl_auto.engine.environment import Environment
from runctl_auto.errors import EngineError, UnreachableError
from runctl_auto.jobs import listing
from runctl_auto.jobs.listing import Filters, ListedJob, list_jobs
from runctl_auto.jobs.session import Session
from runctl_auto.local.project import ProjectFolders
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.run.status import RunStatus
from runctl_auto.settings.schema import Settings

JOBS = {
    "digits": stack_config(job=job_spec(name="digits", tags={"team": "nlp", "stage": "test"}), owner="ann"),
    "eyes": stack_config(job=job_spec(name="eyes", tags={"team": "vision"}), owner="bob"),
    "fresh": stack_config(job=job_spec(name="fresh"), owner="bob"),
}
STATUSES = {"digits": RunStatus(run="r1", phase="running"), "eyes": RunStatus(run="r1", phase="failed")}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    buckets: list[str] = []

    def read(places: Any, cloud_of: Any) -> list[Any]:
        buckets.extend(place.bucket for place in places)
        return [STATUSES.get(place.bucket.split("-")[1]) for place in places]

    monkeypatch.setattr(listing, "read_statuses", read)
    return buckets


def session(**answers: Any) -> Session:
    driver = create_autospec(Driver, instance=True)
    values: dict[str, Any] = {name: config.to_values() for name, config in JOBS.items()}
    values.update(answers)
    driver.jobs.return_value = tuple(JobSummary(name, 3, None, False) for name in sorted(values))

    def config_of(job: str) -> dict[str, str]:
        if isinstance(values[job], Exception):
            raise values[job]
        found: dict[str, str] = values[job]
        return found

    driver.config_of.side_effect = config_of
    return Session(
        Settings(owner="ann"),
        ProjectFolders(Path("/nowhere")),
        create_autospec(Environment, instance=True),
        driver,
        Told(),
    )


def names(*jobs: ListedJob) -> list[str]:
    return [each.summary.name for each in jobs]


def test_all_jobs_with_their_phases(asked: list[str]) -> None:
    found = list_jobs(session())
    assert [(each.summary.name, each.phase) for each in found] == [
        ("digits", "running"),
        ("eyes", "failed"),
        ("fresh", "starting"),
    ]
    assert problems("ls", {"jobs": [each.as_json() for each in found]}) == []


@pytest.mark.parametrize(
    ("filters", "fit"),
    [
        (Filters(tags={"team": "nlp"}), ["digits"]),
        (Filters(tags={"team": None}), ["digits", "eyes"]),
        (Filters(tags={"team": None, "stage": "test"}), ["digits"]),
        (Filters(tags={"team": "audio"}), []),
        (Filters(owners=frozenset({"bob"})), ["eyes", "fresh"]),
        (Filters(owners=frozenset({"ann", "bob"})), ["digits", "eyes", "fresh"]),
        (Filters(phases=frozenset({"failed", "starting"})), ["eyes", "fresh"]),
        (Filters(owners=frozenset({"bob"}), phases=frozenset({"failed"})), ["eyes"]),
        (Filters(projects=frozenset({"runctl"})), ["digits", "eyes", "fresh"]),
        (Filters(projects=frozenset({"other"})), []),
    ],
)
def test_filters(asked: list[str], filters: Filters, fit: list[str]) -> None:
    assert names(*list_jobs(session(), filters)) == fit


def test_only_statuses_of_jobs_that_fit_are_asked_for(asked: list[str]) -> None:
    list_jobs(session(), Filters(owners=frozenset({"ann"})))
    assert len(asked) == 1
    assert asked[0].startswith("runctl-digits-")


def test_a_job_of_which_something_is_not_known_says_why_and_hides_no_other(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STATUSES, "eyes", UnreachableError("the bucket does not answer"))  # type: ignore[arg-type]
    found = list_jobs(session(broken=EngineError("its settings cannot be read"), empty={}))
    told = {each.summary.name: (each.phase, each.problem) for each in found}
    assert told == {
        "broken": (None, "its settings cannot be read"),
        "digits": ("running", None),
        "empty": (None, "never set up"),
        "eyes": (None, "the bucket does not answer"),
        "fresh": ("starting", None),
    }
    assert problems("ls", {"jobs": [each.as_json() for each in found]}) == []


@pytest.fixture
def silent(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Two runs that have not told of themselves for long; ids of the machines that were asked for."""
    machines: list[Any] = []
    cloud = create_autospec(Cloud, instance=True)
    monkeypatch.setattr(Session, "cloud", lambda place, region: cloud)
    for job, instance in (("digits", "i-1"), ("eyes", "i-2")):
        status = RunStatus("r1", "running", instance=instance, updated_at="2020-01-01T00:00:00Z")
        monkeypatch.setitem(STATUSES, job, status)

    def running(cloud: Cloud, instances: Any) -> frozenset[str]:
        machines.append(list(instances))
        return frozenset({"i-2"})

    monkeypatch.setattr(listing, "running_machines", running)
    return machines


def test_a_silent_run_whose_machine_ended_is_lost(silent: list[Any]) -> None:
    found = list_jobs(session())
    assert silent == [["i-1", "i-2"]], "one request for the region"
    assert [(each.summary.name, each.phase) for each in found] == [
        ("digits", "lost"),
        ("eyes", "running"),
        ("fresh", "starting"),
    ]
    assert names(*list_jobs(session(), Filters(phases=frozenset({"lost"})))) == ["digits"]


def test_whose_machines_cannot_be_asked_for_keep_their_phase(
    silent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(cloud: Cloud, instances: Any) -> frozenset[str]:
        raise UnreachableError("EC2 does not answer")

    monkeypatch.setattr(listing, "running_machines", refused)
    place = session()
    assert [each.phase for each in list_jobs(place)] == ["running", "running", "starting"]
    assert any("EC2 does not answer" in line for line in place.reporter.said)  # type: ignore[attr-defined]


def test_what_was_never_set_up_fits_no_filter_but_the_project(asked: list[str]) -> None:
    place = session(empty={})
    assert "empty" not in names(*list_jobs(place, Filters(owners=frozenset({"ann", "bob"}))))
    assert "empty" not in names(*list_jobs(place, Filters(phases=frozenset({"starting"}))))
    assert "empty" in names(*list_jobs(place, Filters(projects=frozenset({"runctl"}))))

"""``ls``: what fits the filters, and what is told of jobs of which something is not known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import job_spec, placement, stack_config
from support.output_schemas import problems
from support.sessions import fake_provider, fake_session

from runctl_auto.engine.driver import Driver, JobSummary
from runctl_auto.errors import EngineError, UnreachableError
from runctl_auto.jobs.filters import Filters
from runctl_auto.jobs.listing import ListedJob
from runctl_auto.jobs.session import Session
from runctl_auto.operations.ls import ls
from runctl_auto.providers.contract import Machine, RunKey
from runctl_auto.run.status import RunStatus, parse_run_status
from runctl_auto.settings.schema import Settings

JOBS = {
    "digits": stack_config(job=job_spec(name="digits", tags={"team": "nlp", "stage": "test"}), owner="ann"),
    "eyes": stack_config(job=job_spec(name="eyes", tags={"team": "vision"}), owner="bob"),
    "fresh": stack_config(job=job_spec(name="fresh"), owner="bob"),
}
STATUSES = {"digits": RunStatus(run="r1", phase="running"), "eyes": RunStatus(run="r1", phase="failed")}


class Cloud:
    """A provider that knows ``statuses`` by job, and which machines run."""

    def __init__(self) -> None:
        self.statuses: dict[str, Any] = dict(STATUSES)
        self.asked: list[RunKey] = []
        self.machines: list[list[str]] = []
        self.provider: Any = fake_provider()
        self.provider.statuses.side_effect = self._statuses
        self.provider.machines.side_effect = self._machines

    def _statuses(self, runs: Sequence[RunKey]) -> list[Any]:
        self.asked += runs
        return [self.statuses.get(each.job) for each in runs]

    def _machines(self, machines: Sequence[str]) -> dict[str, Machine]:
        self.machines.append(list(machines))
        return {each: Machine(each, "running" if each == "i-2" else "terminated") for each in machines}

    def session(self, **answers: Any) -> Session:
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
        return fake_session(driver=driver, provider=self.provider, settings=Settings(owner="ann"))


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def names(*jobs: ListedJob) -> list[str]:
    return [each.summary.name for each in jobs]


def test_all_jobs_with_their_phases(cloud: Cloud) -> None:
    found = ls(cloud.session())
    assert [(each.summary.name, each.phase) for each in found] == [
        ("digits", "running"),
        ("eyes", "failed"),
        ("fresh", "starting"),
    ]
    assert problems("ls", {"jobs": [each.as_json() for each in found], "volumes": [], "snapshots": []}) == []


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
def test_filters(cloud: Cloud, filters: Filters, fit: list[str]) -> None:
    assert names(*ls(cloud.session(), filters)) == fit


def test_only_statuses_of_jobs_that_fit_are_asked_for(cloud: Cloud) -> None:
    ls(cloud.session(), Filters(owners=frozenset({"ann"})))
    assert cloud.asked == [RunKey("digits", "111122223333", "r1")]


def test_what_a_job_cost_is_a_least_when_an_earlier_run_never_reported(cloud: Cloud) -> None:
    config = stack_config(job=job_spec(name="again"), owner="ann")
    again = replace(config, run=replace(config.run, earlier=("r0",)))
    known = RunStatus(run="r1", phase="succeeded")

    def complete(earlier: RunStatus | None) -> bool:
        cloud.provider.statuses.side_effect = lambda runs: [
            earlier if each.run == "r0" else known for each in runs
        ]
        (found,) = ls(cloud.session(again=again.to_values()), Filters(owners=frozenset({"ann"})))[:1]
        assert found.facts is not None
        return not found.facts.unread

    assert complete(RunStatus(run="r0", phase="failed"))
    assert not complete(None)


def test_statuses_are_asked_for_region_by_region(cloud: Cloud) -> None:
    far = stack_config(job=job_spec(name="far"), placement=placement(region="eu-west-1"), owner="ann")
    cloud.statuses["far"] = RunStatus(run="r1", phase="booting")
    found = ls(cloud.session(far=far.to_values()))
    asked = [[each.job for each in call.args[0]] for call in cloud.provider.statuses.call_args_list]
    assert asked == [["digits", "eyes", "fresh"], ["far"]]
    assert {each.summary.name: each.phase for each in found} == {
        "digits": "running",
        "eyes": "failed",
        "far": "booting",
        "fresh": "starting",
    }


def test_a_job_of_which_something_is_not_known_says_why_and_hides_no_other(
    cloud: Cloud,
) -> None:
    cloud.statuses["eyes"] = UnreachableError("the bucket does not answer")
    found = ls(cloud.session(broken=EngineError("its settings cannot be read"), empty={}))
    told = {each.summary.name: (each.phase, each.problem) for each in found}
    assert told == {
        "broken": (None, "its settings cannot be read"),
        "digits": ("running", None),
        "empty": (None, "never set up"),
        "eyes": (None, "the bucket does not answer"),
        "fresh": ("starting", None),
    }
    assert problems("ls", {"jobs": [each.as_json() for each in found], "volumes": [], "snapshots": []}) == []


@pytest.fixture
def silent(cloud: Cloud) -> Cloud:
    """Two runs that have not told of themselves for long."""
    for job, instance in (("digits", "i-1"), ("eyes", "i-2")):
        cloud.statuses[job] = RunStatus("r1", "running", instance=instance, updated_at="2020-01-01T00:00:00Z")
    return cloud


def test_a_silent_run_whose_machine_ended_is_lost(silent: Cloud) -> None:
    found = ls(silent.session())
    assert silent.machines == [["i-1", "i-2"]], "one request for the region"
    assert [(each.summary.name, each.phase) for each in found] == [
        ("digits", "lost"),
        ("eyes", "running"),
        ("fresh", "starting"),
    ]
    assert names(*ls(silent.session(), Filters(phases=frozenset({"lost"})))) == ["digits"]


def test_whose_machines_cannot_be_asked_for_keep_their_phase(silent: Cloud) -> None:
    silent.provider.machines.side_effect = UnreachableError("EC2 does not answer")
    place = silent.session()
    assert [each.phase for each in ls(place)] == ["running", "running", "starting"]
    assert any("EC2 does not answer" in line for line in place.reporter.said)  # type: ignore[attr-defined]


def test_what_was_never_set_up_fits_no_filter_but_the_project(cloud: Cloud) -> None:
    place = cloud.session(empty={})
    assert "empty" not in names(*ls(place, Filters(owners=frozenset({"ann", "bob"}))))
    assert "empty" not in names(*ls(place, Filters(phases=frozenset({"starting"}))))
    assert "empty" in names(*ls(place, Filters(projects=frozenset({"runctl"}))))


def test_a_status_that_cannot_be_read_is_a_row_of_its_own(cloud: Cloud) -> None:
    cloud.statuses["eyes"] = parse_run_status(b"{}", "r1")
    found = ls(cloud.session())
    assert [(each.summary.name, each.phase) for each in found] == [
        ("digits", "running"),
        ("eyes", None),
        ("fresh", "starting"),
    ]
    assert "schema is missing" in str(found[1].problem)
    assert problems("ls", {"jobs": [each.as_json() for each in found], "volumes": [], "snapshots": []}) == []

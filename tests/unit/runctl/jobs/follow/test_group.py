"""Following the group of a run: its machines, its failed launches, its end."""

from __future__ import annotations

from datetime import datetime, timezone

from support.job_stacks import FakeTime, Told
from support.sessions import fake_provider, fake_results

from runctl_auto.jobs.follow.follow import Ended, Follower, Lost, Starved
from runctl_auto.jobs.session import Time
from runctl_auto.providers.compute import Compute
from runctl_auto.providers.contract import Launch, Machine, MachineGroup
from runctl_auto.run.status import RunStatus

AT = datetime(2026, 11, 30, tzinfo=timezone.utc)
FULL = "Could not launch Spot Instances. InsufficientInstanceCapacity"


def made(*machines: str) -> list[Launch]:
    """Launches that worked, the newest first."""
    return [Launch(f"launch of {each}", AT, machine=each) for each in reversed(machines)]


class Cloud:
    """A group that is as the given ones, one a look; the last one stays."""

    def __init__(self, *groups: MachineGroup | None, launches: list[Launch] | None = None) -> None:
        self.groups = list(groups)
        self.launched = launches or []
        self.ended: list[str] = []
        self.why = "Client.InstanceInitiatedShutdown"

    def look(self, names: list[str]) -> dict[str, MachineGroup]:
        found = self.groups.pop(0) if len(self.groups) > 1 else self.groups[0]
        return {} if found is None else {names[0]: found}


def group(wanted: int, *machines: str) -> MachineGroup:
    return MachineGroup("g", wanted, machines)


def follow(statuses: list[RunStatus | None], cloud: Cloud) -> tuple[Ended | Lost, Told]:
    bucket, provider = fake_results(), fake_provider()
    bucket.status.side_effect = statuses
    bucket.log_parts.return_value = []
    provider.groups.side_effect = cloud.look
    provider.launches.side_effect = lambda name: cloud.launched
    provider.end_group.side_effect = cloud.ended.append
    provider.machine.side_effect = lambda each: Machine(each, "running", "us-east-1a", "m5.large", cloud.why)
    clock, told = FakeTime(), Told()
    time = Time(sleep=clock.sleep, monotonic=clock.monotonic)
    return Follower(bucket, provider, "r1", told, time).until_end(Compute(group="g")), told


RUNNING = RunStatus(run="r1", phase="running")
DONE = RunStatus(run="r1", phase="succeeded")


def test_another_machine_of_the_group_goes_on_with_the_run() -> None:
    cloud = Cloud(group(1, "i-1"), group(1), group(1, "i-2"))
    outcome, told = follow([RUNNING] * 60 + [DONE], cloud)
    assert outcome == Ended(DONE)
    assert [each for each in told.said if "AWS" in each] == [
        "AWS made machine i-1 (m5.large in us-east-1a)",
        "AWS made machine i-2 (m5.large in us-east-1a)",
    ]


def test_a_launch_that_fails_is_told_once_and_waited_for() -> None:
    failures = [Launch(str(number), AT, failure=FULL) for number in range(3)]
    outcome, told = follow([None] * 60 + [DONE], Cloud(group(1), launches=failures))
    assert outcome == Ended(DONE)
    assert told.said.count(f"no machine yet, AWS tries again: {FULL}") == 1


def test_a_failure_is_told_for_each_zone() -> None:
    zones = ["us-east-1b", "us-east-1a", "us-east-1b"]
    failures = [Launch(each, AT, failure=FULL, zone=each) for each in zones]
    _, told = follow([None] * 60 + [DONE], Cloud(group(1), launches=failures))
    assert [each for each in told.said if "tries again" in each] == [
        f"no machine yet, AWS tries again: {each}: {FULL}" for each in ("us-east-1b", "us-east-1a")
    ]


def test_a_group_that_wants_no_machine_has_ended_its_run() -> None:
    outcome, _ = follow([RUNNING] * 90, Cloud(group(1, "i-1"), group(0, "i-1"), group(0)))
    assert isinstance(outcome, Lost)
    assert (outcome.machine.id, outcome.machine.has_ended) == ("i-1", True)
    assert outcome.machine.reason == "its group wants no machine any more"


def test_an_end_that_was_reported_meanwhile_is_an_end() -> None:
    outcome, _ = follow([RUNNING, DONE], Cloud(group(0)))
    assert outcome == Ended(DONE)


def test_a_group_that_somebody_deleted_is_a_lost_machine() -> None:
    outcome, _ = follow([RUNNING] * 90, Cloud(None))
    assert isinstance(outcome, Lost)
    assert outcome.machine.reason == "its group is gone"


def test_a_group_whose_machines_never_report_is_ended_after_the_second() -> None:
    cloud = Cloud(group(1, "i-3"), launches=made("i-1", "i-2", "i-3"))
    outcome, _ = follow([None] * 90, cloud)
    assert isinstance(outcome, Lost)
    assert cloud.ended == ["g"]
    assert (outcome.machine.id, outcome.machine.reason, outcome.silent) == ("i-2", cloud.why, 2)


def test_machines_that_aws_took_back_do_not_count_as_silent() -> None:
    cloud = Cloud(group(1, "i-3"), launches=made("i-1", "i-2", "i-3"))
    cloud.why = "Server.SpotInstanceTermination: taken back"
    outcome, _ = follow([None] * 60 + [DONE], cloud)
    assert outcome == Ended(DONE)
    assert cloud.ended == []


def test_machines_that_are_lost_after_a_report_are_replaced_on_and_on() -> None:
    cloud = Cloud(group(1, "i-4"), launches=made("i-1", "i-2", "i-3", "i-4"))
    outcome, _ = follow([RUNNING] * 60 + [DONE], cloud)
    assert outcome == Ended(DONE)
    assert cloud.ended == []


def test_a_hung_machine_is_ended_so_that_aws_makes_another() -> None:
    silent = RunStatus(run="r1", phase="running", instance="i-1", updated_at="t0")
    bucket, provider = fake_results(), fake_provider()
    bucket.status.side_effect = [*[silent] * 900, DONE]
    bucket.log_parts.return_value = []
    provider.groups.side_effect = Cloud(group(1, "i-1")).look
    provider.launches.return_value = made("i-1")
    provider.machine.side_effect = lambda each: Machine(each, "running", "us-east-1a", "m5.large")
    clock, told = FakeTime(), Told()
    time = Time(sleep=clock.sleep, monotonic=clock.monotonic)
    assert Follower(bucket, provider, "r1", told, time).until_end(Compute(group="g")) == Ended(DONE)
    provider.terminate.assert_called_once_with(["i-1"])
    assert [each for each in told.said if "does not report" in each]


def test_a_machine_that_is_gone_is_not_hung_while_aws_looks_for_the_next_one() -> None:
    silent = RunStatus(run="r1", phase="interrupted", instance="i-1", updated_at="t0")
    bucket, provider = fake_results(), fake_provider()
    bucket.status.side_effect = [*[silent] * 900, DONE]
    bucket.log_parts.return_value = []
    provider.groups.side_effect = Cloud(group(1, "i-1"), group(1)).look
    provider.launches.return_value = made("i-1")
    provider.machine.side_effect = lambda each: Machine(each, "terminated")
    clock = FakeTime()
    time = Time(sleep=clock.sleep, monotonic=clock.monotonic)
    assert Follower(bucket, provider, "r1", Told(), time).until_end(Compute(group="g")) == Ended(DONE)
    provider.terminate.assert_not_called()


def starve(statuses: list[RunStatus | None], cloud: Cloud, seconds: float) -> Ended | Lost | Starved:
    bucket, provider = fake_results(), fake_provider()
    bucket.status.side_effect = statuses
    bucket.log_parts.return_value = []
    provider.groups.side_effect = cloud.look
    provider.launches.side_effect = lambda name: cloud.launched
    clock = FakeTime()
    follower = Follower(bucket, provider, "r1", Told(), Time(sleep=clock.sleep, monotonic=clock.monotonic))
    return follower.until_end_or_starved(Compute(group="g"), capacity_seconds=seconds)


def test_a_group_that_gets_no_machine_in_time_is_starved() -> None:
    failures = [Launch("2", AT, failure="other"), Launch("1", AT, failure=FULL)]
    assert starve([None] * 99, Cloud(group(1), launches=failures), 60) == Starved(tuple(reversed(failures)))
    assert starve([None] * 50 + [DONE], Cloud(group(1), launches=failures), 600) == Ended(DONE)


def test_a_run_that_had_a_machine_waits_for_the_next_one_as_long_as_it_takes() -> None:
    failures = [Launch("2", AT, failure=FULL)]
    assert starve([RUNNING] * 99 + [DONE], Cloud(group(1), launches=failures), 10) == Ended(DONE)
    had = [*failures, *made("i-1")]
    assert starve([None] * 99 + [DONE], Cloud(group(1), launches=had), 10) == Ended(DONE)

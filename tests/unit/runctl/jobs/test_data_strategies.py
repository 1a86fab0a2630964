"""What becomes of data whose file leaves the strategy to runctl."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from runctl_auto.errors import AccessDeniedError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.jobs.data_strategies import SettledData, initialization_notes, settle_data
from runctl_auto.providers.machine_speed import MachineSpeed
from runctl_auto.providers.objects import ListedObject
from runctl_auto.stack.config import Placement
from runctl_auto.stack.prices import Rates
from runctl_auto.transfer.data_listing import MOST_LISTED

PLACE = Placement(
    account="123456789012",
    partition="aws",
    region="us-east-1",
    zone="us-east-1a",
    vpc="vpc-1",
    subnet="subnet-1",
    image="ami-1",
    instance_type="m5.24xlarge",
    market="on-demand",
    price_hour=4.6,
)
RATES = Rates(volume_gb_month=0.08, snapshot_gb_month=0.05, put_1000=0.005, get_1000=0.0004)


class Cloud:
    """A provider with one bucket of ``count`` objects of a GB; counts what is listed."""

    def __init__(self, count: int = 500, refusal: Exception | None = None) -> None:
        self.count, self.refusal = count, refusal
        self.listed_objects = 0

    def bucket(self, name: str) -> Cloud:
        return self

    def listed(self, prefix: str) -> Iterator[ListedObject]:
        if self.refusal:
            raise self.refusal
        for number in range(self.count):
            self.listed_objects += 1
            yield ListedObject(key=f"{prefix}{number}", size=10**9, etag="", modified_ns=0)

    def machine_speed(self, instance_type: str) -> MachineSpeed:
        return MachineSpeed(
            instance_type=instance_type,
            cpus=96,
            memory=384 << 30,
            network=3.1e9,
            volumes=2.4e9,
            volumes_iops=80000,
        )


def spec(*data: dict[str, Any], **more: Any) -> JobSpec:
    sources = [{"source": "s3://sets/a", "path": "data", **each} for each in data]
    return JobSpec.model_validate(
        {"name": "digits", "region": "us-east-1", "run": "x", "data": sources, **more}
    )


def settle(cloud: Cloud, job: JobSpec, before: dict[str, str] | None = None) -> SettledData:
    return settle_data(cloud, job, PLACE, RATES, before=before)  # type: ignore[arg-type]


def test_the_recommended_strategy_is_settled_and_the_plan_says_why() -> None:
    found = settle(Cloud(), spec({"strategy": "auto"}))
    assert found.strategies == {"data": "direct"}
    (note,) = found.notes
    assert note.startswith("data s3://sets/a: direct (500 objects of 500.0 GB); a run reads the data once")


def test_epochs_in_the_job_file_count() -> None:
    small = Cloud(count=100)
    assert settle(small, spec({"strategy": "auto", "epochs": 1})).strategies == {"data": "direct"}
    assert settle(small, spec({"strategy": "auto", "epochs": 1000})).strategies != {"data": "direct"}


def test_nothing_is_looked_at_when_the_file_decides() -> None:
    cloud = Cloud()
    assert settle(cloud, spec({}, {"path": "b", "strategy": "direct"})) == SettledData()
    assert cloud.listed_objects == 0


def test_the_same_run_keeps_what_was_settled_without_another_look() -> None:
    cloud = Cloud()
    found = settle(cloud, spec({"strategy": "auto"}), before={"data": "cache"})
    assert found == SettledData({"data": "cache"})
    assert cloud.listed_objects == 0


def test_a_large_source_is_looked_at_in_part() -> None:
    cloud = Cloud(count=10 * MOST_LISTED)
    (note,) = settle(cloud, spec({"strategy": "auto"})).notes
    assert cloud.listed_objects == MOST_LISTED + 1
    assert "at least 10000 objects of at least 10000.0 GB" in note


@pytest.mark.parametrize(
    ("cloud", "why"),
    [
        (
            Cloud(refusal=AccessDeniedError("you may not list it")),
            "could not be looked at: you may not list it",
        ),
        (Cloud(count=0), "since there are none yet"),
    ],
)
def test_data_that_cannot_be_looked_at_are_staged(cloud: Cloud, why: str) -> None:
    found = settle(cloud, spec({"strategy": "auto"}))
    assert found.strategies == {"data": "stage"}
    assert why in found.notes[0]


def test_only_what_the_job_has_is_used() -> None:
    """Many runs of data on a slow network are worth a volume, if there is one that holds them."""
    job = {"strategy": "auto", "epochs": 2, "runs": 1000}
    volume = {"name": "disk", "mount": "/disk"}
    without = settle(Cloud(), spec(job)).strategies["data"]
    small = settle(Cloud(), spec(job, volumes=[{**volume, "size": "10GB"}])).strategies["data"]
    assert without != "volume"
    assert small != "volume"


def test_the_plan_says_what_an_initialization_rate_means() -> None:
    volume = {"name": "disk", "mount": "/disk", "size": "100GB", "snapshot": "snap-0123456789abcdef0"}
    assert list(initialization_notes(spec(volumes=[volume]))) == []
    (note,) = initialization_notes(spec(volumes=[{**volume, "initialization_rate": 300}]))
    assert note == (
        "volume disk: filled from snap-0123456789abcdef0 at 300 MiB/s, within 5 min; AWS bills this by the "
        "GB of the snapshot (price unknown)"
    )

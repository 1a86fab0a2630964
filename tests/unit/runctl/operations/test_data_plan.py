"""The plan for the data of a job file: what is stated, what is looked up, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from support.output_schemas import check_output

from runctl_auto.cli.views.data_plan import plan_heading, plan_rows, plan_words, seconds_text
from runctl_auto.errors import NotFoundError, UsageError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.operations.data_loader import loader_for
from runctl_auto.operations.data_plan import Assumptions, plan_data_of
from runctl_auto.providers.machine_speed import MachineSpeed
from runctl_auto.providers.objects import ListedObject
from runctl_auto.stack.prices import PriceSource, Rates, RegionPrices

GB = 10**9
PRICES = RegionPrices(
    "us-east-1",
    PriceSource(name="book", date="2026-01-19"),
    {"m5.large": 0.096},
    Rates(volume_gb_month=0.08, snapshot_gb_month=0.05, put_1000=0.005, get_1000=0.0004),
)


@dataclass
class World:
    """Stands for a session: one region, one bucket of these names, each of a GB."""

    names: tuple[str, ...] | None = ("a.jpg", "b.jpg")
    asked: list[str] = field(default_factory=list)
    reporter: Any = field(default_factory=lambda: SimpleNamespace(working=lambda *_, **__: nullcontext()))
    prices: Any = field(default_factory=lambda: SimpleNamespace(region=lambda _: PRICES))

    def provider(self, region: str) -> World:
        return self

    def bucket(self, name: str) -> World:
        return self

    def listed(self, prefix: str) -> Iterator[ListedObject]:
        if self.names is None:
            raise NotFoundError("no such bucket")
        for name in self.names:
            yield ListedObject(key=f"{prefix}{name}", size=GB, etag="", modified_ns=0)

    def machine_speed(self, instance_type: str) -> MachineSpeed:
        self.asked.append(instance_type)
        return MachineSpeed(instance_type=instance_type, cpus=4, memory=16 << 30, network=94e6, volumes=81e6)


def spec(*paths: str, **more: Any) -> JobSpec:
    data = [{"source": f"s3://sets/{path}", "path": path, **more} for path in paths]
    return JobSpec.model_validate({"name": "digits", "region": "us-east-1", "run": "x", "data": data})


def plans(world: World, job: JobSpec, path: str | None = None, **given: Any):
    return plan_data_of(world, job, Assumptions(instance_type="m5.large", **given), path)  # type: ignore[arg-type]


def test_what_is_not_stated_is_looked_up() -> None:
    found = plans(World(), spec("a", epochs=3))
    work = found.plans[0].plan.work
    assert (work.size, work.files, work.epochs, work.runs) == (2 * GB, 2, 3, 1)
    assert found.plans[0].plan.prices.machine == 0.096
    check_output("data-plan", found.as_json())


def test_what_is_stated_counts_and_nothing_is_listed() -> None:
    found = plans(World(None), spec("a"), size=5 * GB, files=7, epochs=2, runs=3, training=60, price=2.0)
    work = found.plans[0].plan.work
    assert (work.size, work.files, work.epochs, work.runs, work.training) == (5 * GB, 7, 2, 3, 60)
    assert (found.plans[0].plan.prices.machine, found.plans[0].market) == (2.0, None)


@pytest.mark.parametrize(
    ("world", "paths", "path", "given", "message"),
    [
        (World(), (), None, {}, "has no data"),
        (World(), ("a", "b"), "c", {}, "has no data at c"),
        (World(), ("a", "b"), None, {"size": GB}, "--size and --files are those of one source"),
        (World(()), ("a",), None, {}, "holds nothing"),
        (World(None), ("a",), None, {}, "is in no bucket that exists"),
    ],
)
def test_what_cannot_be_planned_says_what_to_do(world, paths, path, given, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        plans(world, spec(*paths), path, **given)
    assert caught.value.next_step


def test_a_plan_is_shown_with_its_recommendation() -> None:
    (found,) = plans(World(), spec("a")).plans
    rows = plan_rows(found.plan)
    assert [row[1] for row in rows if row[0] == "*"] == [found.plan.chosen.strategy]
    assert plan_heading(found) == (
        "s3://sets/a: 2 objects, 1.9 GB, read 1x on m5.large on-demand at $0.096 an hour"
    )
    assert next(plan_words(found)).startswith(f"recommended: {found.plan.chosen.strategy}. A run reads")
    assert rows[3][-1] == "the job has no volume"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (42, "42 s"), (119, "119 s"), (300, "5.0 min"), (11_000, "3.1 h"), (200_000, "2.3 d")],
)
def test_seconds_are_shown_in_a_unit_that_fits(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text


def loader(world: World, job: JobSpec, **more: Any):
    return loader_for(world, job, **{"path": None, "form": None, "batch_size": 64, **more})  # type: ignore[arg-type]


def test_a_loader_is_written_for_the_data_as_they_are() -> None:
    written = loader(World(("0.tar", "1.tar")), spec("a", strategy="direct"))
    assert (written.settings.form, written.settings.workers, written.settings.strategy) == (
        "tar",
        3,
        "direct",
    )
    assert "samples of all shards" in written.text
    check_output("data-loader", written.as_json())


def test_a_loader_for_a_bucket_that_is_not_there_says_what_it_assumes() -> None:
    written = loader(World(None), spec("a"))
    assert written.settings.form == "files"
    assert "one sample a file is assumed: no such bucket" in written.notes[0]


def test_a_loader_is_for_one_source() -> None:
    with pytest.raises(UsageError, match="data at several paths"):
        loader(World(), spec("a", "b"))
    assert loader(World(), spec("a", "b"), path="b/").settings.source == "s3://sets/b"

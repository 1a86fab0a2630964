"""What a day of a run that ``up`` follows costs in S3 requests, counted request by request.

The agent's steps and the follower are the real ones, on objects in memory and a clock that the follower's
sleep advances. The training writes so often that each flush of the log uploads a part.
"""

from __future__ import annotations

import heapq
import io
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.agent_spec import run_spec
from support.agent_stand_ins import MemoryStore
from support.job_stacks import Told
from support.s3_in_memory import OWNER, STORED, S3InMemory
from support.s3_web import S3Web, s3_store
from support.sessions import fake_provider

from runctl_auto.agent.job import output_log
from runctl_auto.agent.job.output_log import LogShipper
from runctl_auto.agent.job.redaction import HiddenValues
from runctl_auto.agent.job.stopping import StopSwitch
from runctl_auto.agent.keys import node_logs_prefix
from runctl_auto.agent.machine.machine_identity import MachineIdentity
from runctl_auto.agent.metrics.collecting import Metrics
from runctl_auto.agent.metrics.machine_use import MachineUse
from runctl_auto.agent.metrics.training_sources import TrainingPlaces
from runctl_auto.agent.pace import FIRST_SECONDS, Pace
from runctl_auto.agent.repeated_steps import Step
from runctl_auto.agent.run import Run
from runctl_auto.agent.run_tools import RunTools
from runctl_auto.agent.start.config import AgentConfig
from runctl_auto.agent.status import Outcome, StatusWriter
from runctl_auto.errors import NotFoundError
from runctl_auto.jobs.follow.follow import Ended, Follower
from runctl_auto.jobs.session import Time
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.bucket import JobBucket
from runctl_auto.providers.compute import Compute

DAY = 86_400.0
USD = {"PUT": 0.005 / 1000, "LIST": 0.005 / 1000, "GET": 0.0004 / 1000}
"""A request of S3 Standard in us-east-1 (S3's page of prices, 2026)."""
GUIDE = Path(__file__).parents[4] / "docs" / "guide" / "watching.md"
CONFIG = AgentConfig("digits", "r1", "us-east-1", "b", OWNER, "a", "x", "runs/r1/spec.json", "d", 0.0, None)


class CountingStore(MemoryStore):
    """The agent's side: requests as ``S3Store`` makes them, which the last test holds it to."""

    def __init__(self, requests: Counter[str]) -> None:
        super().__init__()
        self._requests = requests

    def find(self, key: str, at_most: int) -> bytes | None:
        self._requests["LIST"] += 1
        found = super().find(key, at_most)
        self._requests["GET"] += found is not None
        return found

    def put(self, key: str, data: bytes, content_type: str = "") -> None:
        self._requests["PUT"] += 1
        super().put(key, data, content_type)

    def object_sizes(self, prefix: str) -> dict[str, int]:
        self._requests["LIST"] += 1
        return super().object_sizes(prefix)


class Reader:
    """The side of ``up``, as a client of S3."""

    def __init__(self, objects: Mapping[str, bytes], requests: Counter[str]) -> None:
        self._objects = objects
        self._requests = requests

    def get_object(self, *, Key: str, **_: Any) -> Any:
        self._requests["GET"] += 1
        if Key not in self._objects:
            raise NotFoundError(f"There is no {Key}.")
        return {"Body": io.BytesIO(self._objects[Key]), "LastModified": STORED}

    def list_objects_v2(self, *, Prefix: str, **_: Any) -> Any:
        self._requests["LIST"] += 1
        return {"Contents": [{"Key": key} for key in sorted(self._objects) if key.startswith(Prefix)]}


class Unretried(Cloud):
    """Calls without the retry layer, which counts no request and takes most of the time."""

    def retried(self, operation: Callable[[], Any], what: str) -> Any:
        return operation()


class Day:
    """A clock. Sleeping carries out the steps that are due meanwhile, each at its pace."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Pace, Callable[[], object]]] = []

    def __call__(self) -> float:
        return self.now

    def repeat(self, pace: Pace, step: Callable[[], object]) -> None:
        heapq.heappush(self._due, (self.now + pace.seconds(self.now), len(self._due), pace, step))

    def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        while self._due and self._due[0][0] <= until:
            self.now, number, pace, step = self._due[0]
            step()
            heapq.heapreplace(self._due, (self.now + pace.seconds(self.now), number, pace, step))
        self.now = until


class Followed:
    """A run of ``seconds``, its agent and ``up``. ``prints``: whether the training writes output."""

    def __init__(self, folder: Path, *, prints: bool, seconds: float = DAY) -> None:
        self._seconds = seconds
        self.day = Day()
        self.agent: Counter[str] = Counter()
        self.up: Counter[str] = Counter()
        self._store = CountingStore(self.agent)
        self._output = folder / "out"
        self._output.touch()
        self._status = StatusWriter(
            CONFIG, MachineIdentity("i-1"), self._store, clock=self.day, ticks=self.day
        )
        self._logs = LogShipper(
            self._store,
            node_logs_prefix("r1", 0),
            source=self._output,
            position_file=folder / "position",
            shipped=lambda count: self._status.note(log_parts=count),
        )
        self._metrics = Metrics(
            self._store,
            "r1",
            began=0.0,
            look=lambda: MachineUse(self.day.now, 0.5, 10**9, 10**10, 10**9, 10**10, 10**6, 10**6),
            note=lambda summary: self._status.note(metrics=summary),
            say=pytest.fail,
            clock=self.day,
        )
        self._metrics.read_training(TrainingPlaces(self._output, folder / "objects", ()), HiddenValues())
        self._status.enter("running")
        for _, pace, step in self._steps(folder):
            self.day.repeat(pace, step)
        if prints:
            self.day.repeat(Pace(first=1.9, later=14.9), self._print)

    def until_end(self) -> Told:
        told = Told()
        client = Reader(self._store.objects, self.up)
        bucket = JobBucket(Unretried(lambda service, region: client, "us-east-1"), "b", OWNER)
        time = Time(sleep=self._sleep, monotonic=self.day)
        follower = Follower(bucket, fake_provider(results=bucket), "r1", told, time)
        assert isinstance(follower.until_end(Compute(("i-1",))), Ended)
        return told

    def _sleep(self, seconds: float) -> None:
        if self.day.now < self._seconds <= self.day.now + seconds:
            self._logs.ship_all(self._store)
            self._status.end(Outcome("succeeded", "completed", 0), self._store)
        self.day.sleep(seconds)

    def _print(self) -> None:
        with self._output.open("a") as file:
            file.write(f"step {self.day.now:.0f} loss=0.5\n")

    def _steps(self, folder: Path) -> list[Step]:
        tools = RunTools(
            config=CONFIG,
            spec=run_spec(limits={"idle_duration_seconds": 3600}),
            folder=folder,
            store=self._store,
            metadata=_NoNotice(),
            status=self._status,
            logs=self._logs,
            volumes=_Unused(),
            secrets=_Unused(),
            bring_data=_Unused(),
            start=_Unused(),
            switch=StopSwitch(),
            say=pytest.fail,
            inherited={},
            home=folder,
            clock=self.day,
            metrics=self._metrics,
            output=self._output,
        )
        return Run(tools).repeated.steps()


class _NoNotice:
    def get(self, path: str) -> None:
        return None


class _Unused:
    def __call__(self, *_: Any) -> Any:
        raise AssertionError

    def mount_all(self, volumes: Any) -> Any:
        raise AssertionError

    def grow_all(self) -> None:
        raise AssertionError

    def unmount_all(self) -> None:
        raise AssertionError


def usd(requests: Counter[str]) -> float:
    return sum(USD[kind] * count for kind, count in requests.items())


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of positions are recorded; that they outlive a crash is tested elsewhere."""

    def write(path: Path, text: str) -> None:
        path.unlink(missing_ok=True)  # file systems flush a file that is written over
        path.write_text(text)

    monkeypatch.setattr(output_log, "write_private", write)


def test_a_followed_day_costs_less_than_ten_cents_and_the_guide_says_how_much(tmp_path: Path) -> None:
    run = Followed(tmp_path, prints=True)
    told = run.until_end()
    assert len(told.lines) > DAY / 15, "every line arrives"
    cost = usd(run.agent) + usd(run.up)
    print(f"agent {dict(run.agent)}: {usd(run.agent):.4f} USD; up {dict(run.up)}: {usd(run.up):.4f} USD")
    assert cost < 0.10
    said = " ".join(GUIDE.read_text(encoding="utf-8").split())
    assert f"about {cost:.2f} USD a day in requests, {usd(run.agent):.2f} USD of it for the agent" in said


def test_without_output_the_log_is_not_searched_for_all_day(tmp_path: Path) -> None:
    run = Followed(tmp_path, prints=False, seconds=3 * FIRST_SECONDS)
    run.until_end()
    assert run.up["LIST"] == FIRST_SECONDS + 1


def test_the_counting_store_makes_the_requests_of_the_agents_store(tmp_path: Path) -> None:
    requests: Counter[str] = Counter()
    counting = CountingStore(requests)
    s3 = S3InMemory("b")
    web = S3Web(s3)
    for store in (counting, s3_store(s3, "b", web=web)):
        assert store.find("a", 1000) is None
        store.put("a", b"1")
        assert store.find("a", 1000) == b"1"
        assert store.object_sizes("a") == {"a": 1}
    assert requests == Counter({"LIST": 3, "PUT": 1, "GET": 1})
    assert requests == Counter("LIST" if "list-type" in url else method for method, url in web.sent)

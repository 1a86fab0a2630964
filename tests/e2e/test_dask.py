"""A campaign on a Dask cluster while its workers are killed: no stack lost, none worked on twice."""

from __future__ import annotations

import json
import os
import random
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.counting_job import write_job
from support.dask_cluster import DaskCluster, dask_packages
from support.launch_history import machines, overlaps
from support.lock_history import LockHistory
from support.shared_cloud import Member, SharedCloud

from runctl_auto.engine.executor.cluster import connect
from runctl_auto.engine.executor.contract import Work
from runctl_auto.engine.executor.dask_pool import DaskPool
from runctl_auto.errors import UsageError

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]

STACKS = int(os.environ.get("RUNCTL_DASK_STACKS", "30"))
KILLS = int(os.environ.get("RUNCTL_DASK_KILLS", "20"))
WORKERS = 3


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[SharedCloud]:
    with SharedCloud.started(tmp_path) as started:
        yield started


@pytest.fixture
def member(cloud: SharedCloud) -> Member:
    more = {"PYTHONPATH": str(dask_packages()), "RUNCTL_MAX_PARALLEL_JOBS": "100"}
    return cloud.member("ann", cloud.folder_backend(), **more)


@pytest.fixture
def cluster(member: Member, tmp_path: Path) -> Iterator[DaskCluster]:
    started = DaskCluster(tmp_path / "cluster", member.environment())
    started.start(WORKERS)
    try:
        yield started
    finally:
        started.stop()


class Killer:
    """Kills a worker now and then, once stacks are worked on and until so many were killed."""

    def __init__(self, cluster: DaskCluster, locks: LockHistory, chance: random.Random, most: int) -> None:
        self._cluster, self._locks, self._chance, self._most = cluster, locks, chance, most
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._kill, daemon=True)

    def __enter__(self) -> Killer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _kill(self) -> None:
        begun = self._locks.engines
        while self._locks.engines == begun and not self._ended.wait(0.2):
            continue
        while self._cluster.killed < self._most and not self._ended.wait(self._chance.uniform(2.0, 12.0)):
            if alive := self._cluster.alive:
                self._cluster.kill(self._chance.choice(alive))


def on_cluster(member: Member, cluster: DaskCluster, *arguments: str) -> subprocess.Popen[str]:
    return member.start("--output", "json", *arguments, "--executor", "dask", "--scheduler", cluster.address)


def ended(process: subprocess.Popen[str], seconds: float = 3000) -> Any:
    out, err = process.communicate(timeout=seconds)
    assert process.returncode == 0, f"{out[-5000:]}\n{err[-5000:]}"
    return json.loads(out)


def logs_of(cluster: DaskCluster) -> str:
    return "\n".join(f"== {each.name}\n{each.read_text()[-1500:]}" for each in cluster.folder.glob("*.log"))


def test_what_a_killed_worker_had_is_begun_again_elsewhere_and_errors_come_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from support import dask_work

    monkeypatch.syspath_prepend(str(dask_packages()))
    tests = Path(__file__).resolve().parents[1]
    path = os.pathsep.join((str(dask_packages()), str(tests)))
    cluster = DaskCluster(tmp_path / "cluster", {**os.environ, "PYTHONPATH": path})
    cluster.start(2)
    done: dict[str, Any] = {}
    folder = tmp_path / "done"
    folder.mkdir()

    def kill_one() -> None:
        while not list(folder.iterdir()):
            time.sleep(0.05)
        pid = int(next(folder.iterdir()).read_text().split()[1])
        cluster.kill(next(each for each in cluster.workers if each.pid == pid))

    try:
        connected = connect(cluster.address)
        threading.Thread(target=kill_one, daemon=True).start()
        works = [Work(name, (name, str(folder), 3.0)) for name in ("a", "b", "bad", "c")]
        for each in DaskPool(connected, dask_work.place_of).run(works, dask_work.work):
            done[each.work.stack] = each
        connected.close()
    finally:
        cluster.stop()
    assert {name for name, each in done.items() if each.error is None} == {"a", "b", "c"}
    assert isinstance(done["bad"].error, UsageError)
    assert done["bad"].error.next_step == "do it right"
    begun = {each.name: each.read_text().splitlines() for each in folder.iterdir()}
    assert sum(len(each) for each in begun.values()) == len(works) + 1, "one was begun twice"
    for name in ("a", "b", "c"):
        assert done[name].result == begun[name][-1]


def test_a_campaign_whose_workers_are_killed_leaves_every_stack_right(
    cloud: SharedCloud, member: Member, cluster: DaskCluster, tmp_path: Path
) -> None:
    folder = member.folder / "jobs"
    folder.mkdir()
    jobs = [f"job-{number:02}" for number in range(STACKS)]
    for job in jobs:
        write_job(folder, job, env={"STEPS": "2", "STEP_SECONDS": "0.1"})
    locks = LockHistory(tmp_path / "states")
    locks.start()
    began = time.monotonic()
    with Killer(cluster, locks, random.Random("campaign"), KILLS * 3 // 4):
        first = on_cluster(member, cluster, "apply", str(folder), "--yes", "--continue-on-error")
        while len(locks.holders) < 2 and first.poll() is None:  # the client dies while its campaign works
            time.sleep(0.2)
        first.kill()
        first.wait()
        again = on_cluster(member, cluster, "apply", str(folder), "--yes", "--continue-on-error")
        result = ended(again)
    applied = time.monotonic() - began
    assert {each["job"] for each in result["results"]} == set(jobs), logs_of(cluster)
    assert all(each["error"] is None for each in result["results"]), result["results"]
    assert member.json("apply", str(folder), "--yes", timeout=600)["results"]
    deadline = time.monotonic() + 900
    while not all(each["phase"] == "succeeded" for each in member.json("ls")["jobs"]):
        assert time.monotonic() < deadline, member.json("ls")
        time.sleep(2)
    assert sorted(each["job"] for each in member.json("ls")["jobs"]) == jobs
    lived = machines(cloud.url)
    assert list(overlaps(lived)) == []
    with Killer(cluster, locks, random.Random("teardown"), KILLS):
        gone = ended(on_cluster(member, cluster, "down", "--all", "--yes", "--discard-artifacts"))
    assert [each["error"] for each in gone["jobs"]] == [None] * STACKS
    locks.stop()
    assert member.json("ls")["jobs"] == []
    assert member.json("leaks")["found_something"] is False
    assert locks.violations == []
    assert locks.left() == []
    print(
        f"{STACKS} stacks on {WORKERS} workers, {cluster.killed} workers killed and a client; applied in "
        f"{applied:.0f} s; {len(lived)} machines, never two for one run at one time; {locks.engines} engines "
        f"held locks in {locks.looks} looks, never two one stack; 0 leaks"
    )

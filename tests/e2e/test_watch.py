"""Several watchers of one backend, from several project folders, while machines are killed at random."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.counting_job import write_job
from support.emulated_cloud import client
from support.machine_events import cut_off
from support.shared_cloud import SharedCloud
from support.watchers import (
    Watchers,
    alive,
    await_checkpoint,
    await_success,
    judged,
    kill_machine,
    killed_at_random,
)

pytestmark = pytest.mark.sandbox


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[SharedCloud]:
    with SharedCloud.started(tmp_path) as started:
        yield started


@pytest.fixture
def watchers(tmp_path: Path) -> Iterator[Watchers]:
    made = Watchers(tmp_path)
    yield made
    made.kill()


@pytest.mark.matrix
def test_two_watchers_bring_two_jobs_home(cloud: SharedCloud, watchers: Watchers) -> None:
    backend = cloud.folder_backend()
    members = [cloud.member(name, backend) for name in ("ann", "bob")]
    jobs = ["first", "second"]
    for job in jobs:
        file = write_job(members[0].folder, job, env={"STEPS": "6", "HOLD_AT": "1"})
        members[0].json("up", str(file), "--yes", "--detach", timeout=300)
    for member in members:
        watchers.start(member, *jobs, "--every", "1")
    for job in jobs:  # each holds from its first checkpoint until its first machine is lost
        await_checkpoint(members[0], job)
        kill_machine(cloud, alive(cloud)[job].machine, random.Random(7))
    for process in watchers.processes:
        assert process.wait(timeout=400) == 0, watchers.files[0].with_suffix(".err").read_text()
    print(judged(cloud, jobs, len(jobs)))
    events = watchers.events()
    assert sum(each["event"] == "replaced" for each in events) == 2
    assert {each["job"] for each in events if each["event"] == "ended"} == set(jobs)


@pytest.mark.matrix
@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_three_watchers_of_ten_jobs_for_five_minutes(
    cloud: SharedCloud, watchers: Watchers, kind: str
) -> None:
    chance = random.Random(f"watch-{kind}")
    backend = cloud.folder_backend() if kind == "folder" else cloud.bucket_backend()
    members = [cloud.member(name, backend, RUNCTL_MAX_PARALLEL_JOBS="20") for name in ("ann", "bob")]
    jobs = [f"job-{number}" for number in range(10)]
    with ThreadPoolExecutor(max_workers=3) as several:
        for member, job in zip(members * 5, jobs, strict=True):
            file = write_job(member.folder, job, env={"STEPS": "300", "STEP_SECONDS": "1"})
            several.submit(member.json, "up", str(file), "--yes", "--detach", timeout=600)
    assert sorted(each["job"] for each in members[0].json("ls")["jobs"]) == sorted(jobs)
    for member in (members[0], members[1], members[1]):
        watchers.start(member, "--all", "--every", "2")
    killed = killed_at_random(cloud, jobs, chance, kills=60, seconds=300)
    await_success(members[0], jobs, 900)
    for process in watchers.processes:
        process.send_signal(signal.SIGINT)
    assert [process.wait(timeout=60) for process in watchers.processes] == [130, 130, 130]
    print(judged(cloud, jobs, killed))
    problems = [each for each in watchers.events() if each["event"] in ("problem", "given-up")]
    assert problems == []


@pytest.mark.matrix
def test_a_hung_machine_is_ended_and_replaced(cloud: SharedCloud, watchers: Watchers) -> None:
    member = cloud.member("ann", cloud.folder_backend())
    file = write_job(member.folder, "hung", env={"STEPS": "6", "HOLD_AT": "1"})
    member.json("up", str(file), "--yes", "--detach", timeout=300)
    first = member.json("status", "hung")["machine"]["id"]
    process = watchers.start(
        cloud.member("bob", cloud.folder_backend()), "hung", "--every", "2", "--hung-after", "60"
    )
    cut_off(cloud.url, first)
    assert process.wait(timeout=500) == 0
    names = [each["event"] for each in watchers.events()]
    assert "hung" in names
    assert "replaced" in names
    print(judged(cloud, ["hung"], 1))


@pytest.mark.matrix
def test_a_watcher_that_is_killed_while_it_replaces_loses_nothing(
    cloud: SharedCloud, watchers: Watchers
) -> None:
    member = cloud.member("ann", cloud.folder_backend())
    file = write_job(member.folder, "left", env={"STEPS": "6", "HOLD_AT": "1"})
    member.json("up", str(file), "--yes", "--detach", timeout=300)
    await_checkpoint(member, "left")
    first = member.json("status", "left")["machine"]["id"]
    client(cloud.url, "ec2").terminate_instances(InstanceIds=[first])
    killed = watchers.start(member, "left", "--every", "1")
    errors = watchers.files[0].with_suffix(".err")
    deadline = time.monotonic() + 200
    while "applying" not in errors.read_text():
        assert time.monotonic() < deadline, errors.read_text()
        time.sleep(0.1)
    killed.kill()
    process = watchers.start(cloud.member("bob", cloud.folder_backend()), "left", "--every", "1")
    assert process.wait(timeout=400) == 0, watchers.files[1].with_suffix(".err").read_text()
    print(judged(cloud, ["left"], 2))

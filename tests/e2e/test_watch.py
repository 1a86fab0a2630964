"""Several watchers of one backend, from several project folders, while machines are killed at random."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.counting_job import write_job
from support.emulated_cloud import client
from support.launch_history import Lived, machines, overlaps
from support.machine_events import cut_off, interrupt
from support.output_schemas import check_output
from support.shared_cloud import Member, SharedCloud

pytestmark = pytest.mark.sandbox

MOST_KILLS = 8
"""Of one job: fewer than the machines that a run may lose."""


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[SharedCloud]:
    started = SharedCloud.start(tmp_path)
    try:
        yield started
    finally:
        started.stop()


@dataclass
class Watchers:
    """`watch` in several folders; what they print goes to files."""

    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)

    def start(self, member: Member, *arguments: str) -> subprocess.Popen[bytes]:
        file = self.folder / f"watcher-{len(self.files)}.jsonl"
        with file.open("wb") as out, file.with_suffix(".err").open("wb") as err:
            process = subprocess.Popen(
                member.command("--output", "json", "watch", *arguments),
                cwd=member.folder,
                env=member.environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        self.processes.append(process)
        self.files.append(file)
        return process

    def events(self) -> list[dict[str, str]]:
        """What all of them told; every line fits its schema."""
        found = []
        for file in self.files:
            text = file.read_text()
            check_output(["watch"], text)
            found += [json.loads(line) for line in text.splitlines()]
        return found

    def kill(self) -> None:
        for each in self.processes:
            each.kill()
            each.wait()


@pytest.fixture
def watchers(tmp_path: Path) -> Iterator[Watchers]:
    made = Watchers(tmp_path)
    yield made
    made.kill()


def kill_machine(cloud: SharedCloud, machine: str, chance: random.Random) -> None:
    if chance.random() < 0.5:
        client(cloud.url, "ec2").terminate_instances(InstanceIds=[machine])
    else:
        interrupt(cloud.url, machine, notice_seconds=chance.choice([0.0, 1.0, 5.0]))


def alive(cloud: SharedCloud) -> dict[str, Lived]:
    """The machines that run, by job."""
    running = {
        each["InstanceId"]
        for group in client(cloud.url, "ec2").describe_instances(
            Filters=[{"Name": "instance-state-name", "Values": ["running"]}]
        )["Reservations"]
        for each in group["Instances"]
    }
    return {each.job: each for each in machines(cloud.url) if each.machine in running}


def await_success(member: Member, jobs: list[str], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        phases = {each["job"]: each["phase"] for each in member.json("ls")["jobs"]}
        if all(phases[job] == "succeeded" for job in jobs):
            return
        assert time.monotonic() < deadline, phases
        time.sleep(1)


def await_checkpoint(member: Member, job: str) -> None:
    deadline = time.monotonic() + 120
    while not (member.json("status", job)["checkpoints"] or {"count": 0})["count"]:
        assert time.monotonic() < deadline, f"{job} saved nothing"
        time.sleep(0.5)


def killed_at_random(
    cloud: SharedCloud,
    jobs: list[str],
    chance: random.Random,
    *,
    kills: int,
    seconds: float,
) -> int:
    """Kills machines of jobs that run until there were so many, or so long; how many."""
    killed: list[str] = []
    hit: dict[str, int] = dict.fromkeys(jobs, 0)
    deadline = time.monotonic() + seconds
    while len(killed) < kills and time.monotonic() < deadline:
        running = [
            each
            for each in alive(cloud).values()
            if each.machine not in killed and hit.get(each.job, MOST_KILLS) < MOST_KILLS
        ]
        if running:
            chosen = chance.choice(sorted(running, key=lambda each: each.job))
            kill_machine(cloud, chosen.machine, chance)
            killed.append(chosen.machine)
            hit[chosen.job] += 1
        time.sleep(chance.uniform(1.0, 6.0) if kills > 2 else 0.5)
    return len(killed)


def judged(cloud: SharedCloud, jobs: list[str], killed: int) -> str:
    """Never two machines for one run at one time, and no machine more than were lost."""
    lived = machines(cloud.url)
    assert list(overlaps(lived)) == [], lived
    runs = {job: {each.run for each in lived if each.job == job} for job in jobs}
    assert all(len(found) == 1 for found in runs.values()), runs
    assert len(lived) <= len(jobs) + killed, "a machine that nobody had lost was replaced"
    return f"{len(jobs)} jobs, {killed} machines killed, {len(lived)} made, never two for one run at one time"


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
def test_an_apply_and_two_watchers_of_ten_jobs_for_five_minutes(
    cloud: SharedCloud, watchers: Watchers
) -> None:
    """The folder is applied again and again while its machines are killed and others watch them."""
    chance = random.Random("apply-and-watch")
    backend = cloud.folder_backend()
    members = [cloud.member(name, backend, RUNCTL_MAX_PARALLEL_JOBS="20") for name in ("ann", "bob")]
    jobs = [f"job-{number}" for number in range(10)]
    folder = members[0].folder / "jobs"
    folder.mkdir()
    for job in jobs:
        write_job(folder, job, env={"STEPS": "300", "STEP_SECONDS": "1"})
    apply = ("apply", str(folder), "--yes", "--continue-on-error", "--parallel", "3")
    first = members[0].json(*apply, timeout=1800)
    assert [each["outcome"] for each in first["results"]] == ["done"] * 10
    for member in (members[1], members[1]):
        watchers.start(member, "--all", "--every", "2")
    codes: list[int] = []
    ended = threading.Event()

    def apply_again() -> None:
        while not ended.is_set():
            codes.append(members[0](*apply, code=None, timeout=1800).code)

    applying = threading.Thread(target=apply_again)
    applying.start()
    try:
        killed = killed_at_random(cloud, jobs, chance, kills=60, seconds=300)
        await_success(members[1], jobs, 1500)
    finally:
        ended.set()
        applying.join()
    assert members[0].json(*apply, timeout=600)["results"]
    for process in watchers.processes:
        process.send_signal(signal.SIGINT)
    assert [process.wait(timeout=120) for process in watchers.processes] == [130, 130]
    print(judged(cloud, jobs, killed), f"applied {len(codes)} times, {codes.count(0)} without a failure")


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

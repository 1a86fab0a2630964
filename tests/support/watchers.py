"""Watchers of jobs on a shared cloud, machines killed at random, and what has to be true after it."""

from __future__ import annotations

import json
import random
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from support.emulated_cloud import client
from support.launch_history import Lived, machines, overlaps
from support.machine_events import interrupt
from support.output_schemas import check_output
from support.shared_cloud import Member, SharedCloud

MOST_KILLS = 8
"""Of one job: fewer than the machines that a run may lose."""


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

"""Two people on one `s3://` backend at once: in the emulated cloud, and on a second S3 server.

The second has a host name and a numbering of processes of their own, as on another machine: that a process
lives cannot be seen, and only the claim in the backend tells.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.counting_job import write_job
from support.emulated_cloud import client
from support.launch_history import machines, overlaps
from support.runctl_cli import Ran
from support.shared_cloud import BUCKET, Member, SharedCloud

from benchmarks.s3_tools import server

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]

ROUNDS = int(os.environ.get("RUNCTL_TEAM_ROUNDS", "20"))
JOBS = [f"job-{number}" for number in range(5)]
PEOPLE = ("ann", "bob")
REMOTE = "https://git.example.com/team/jobs.git"


@dataclass
class Team:
    """People with a checkout each, and the client of the server that holds the states."""

    cloud: SharedCloud
    members: list[Member]
    store: Any
    random: random.Random = field(default_factory=lambda: random.Random("two users"))

    def write(self, job: str, version: int) -> None:
        """The same commit in every checkout."""
        for member in self.members:
            folder = member.folder / "jobs"
            folder.mkdir(exist_ok=True)
            write_job(
                folder,
                job,
                message=f"version {version}",
                env={"STEPS": "2", "STEP_SECONDS": "0.1"},
                tags={"version": str(version)},
            )

    def at_once(self, *commands: list[str]) -> list[Ran]:
        """A command of each person, at once."""
        with ThreadPoolExecutor(len(commands)) as pool:
            running = [
                pool.submit(member, *command, code=None, timeout=900)
                for member, command in zip(self.members, commands, strict=False)
            ]
            return [each.result() for each in running]

    def locks(self) -> list[str]:
        pages = self.store.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        keys = [each["Key"] for page in pages for each in page.get("Contents", [])]
        assert keys, "the states are in this bucket"
        return [key for key in keys if "/locks/" in key and key.endswith(".json")]


@pytest.fixture(params=["emulated", "versitygw"])
def team(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Team]:
    with ExitStack() as held:
        cloud = held.enter_context(SharedCloud.started(tmp_path))
        if request.param == "emulated":
            backend, store = cloud.bucket_backend(), client(cloud.url, "s3")
        else:
            gateway = held.enter_context(_gateway(cloud, tmp_path))
            store = gateway.client()
            store.create_bucket(Bucket=BUCKET)
            backend = (
                f"s3://{BUCKET}/runctl?region=us-east-1&awssdk=v2&use_path_style=true"
                f"&endpoint={gateway.endpoint}"
            )
        members = [cloud.member(name, backend, far=name != PEOPLE[0]) for name in PEOPLE]
        for member in members:
            subprocess.run(["git", "init", "-q", str(member.folder)], check=True)
            subprocess.run(["git", "-C", str(member.folder), "remote", "add", "origin", REMOTE], check=True)
        yield Team(cloud, members, store)


def _gateway(cloud: SharedCloud, folder: Path) -> Any:
    """Takes the same keys as the cloud: an engine has one pair for both."""
    told = cloud.endpoints
    return server(folder / "gateway", access_key=told.access_key_id, secret_key=told.secret_access_key)


def test_two_people_apply_overlapping_folders_at_once(team: Team) -> None:
    versions = dict.fromkeys(JOBS, 0)
    for job in JOBS:
        team.write(job, 0)
    applied: set[str] = set()
    for number in range(ROUNDS):
        for job in team.random.sample(JOBS, 2):
            versions[job] += 1
            team.write(job, versions[job])
        parts = [team.random.sample(JOBS, 3) for _ in PEOPLE]
        ran = team.at_once(*(_apply(part) for part in parts))
        assert [each.code for each in ran] == [0, 0], f"round {number}: {[each.text for each in ran]}"
        applied |= {job for part in parts for job in part}
        for member, part in zip(team.members, reversed(parts), strict=True):
            only = [word for job in part for word in ("--only", job)]
            plan = member.json("plan", "jobs", *only, timeout=300)
            found = {each["job"]: each["action"] for each in plan["entries"]}
            assert set(found.values()) <= {"unchanged", "finished"}, f"round {number}: {plan}"
        assert team.locks() == [], f"round {number}"
        lived = machines(team.cloud.url)
        assert list(overlaps(lived)) == [], f"round {number}"
    lived = machines(team.cloud.url)
    runs = {(each.job, each.run) for each in lived}
    assert len(lived) == len(runs), "no job was made twice"
    print(f"{ROUNDS} rounds, {len(applied)} jobs, {len(lived)} machines for {len(runs)} runs, no lock left")


def _apply(jobs: list[str]) -> list[str]:
    only = [word for job in jobs for word in ("--only", job)]
    return ["apply", "jobs", "--yes", "--continue-on-error", "--parallel", "2", *only]


def test_the_limit_of_parallel_jobs_holds_for_both_together(team: Team) -> None:
    for member in team.members:
        member.env["RUNCTL_MAX_PARALLEL_JOBS"] = "2"
        for number in range(2):
            name = f"{member.folder.name}-{number}"
            write_job(member.folder, name, env={"STEPS": "100000", "STEP_SECONDS": "1"})
    files = [
        (member, f"{member.folder.name}-{number}.yaml") for number in range(2) for member in team.members
    ]
    with ThreadPoolExecutor(4) as pool:
        running = [
            pool.submit(member, "up", file, "--yes", "--detach", code=None, timeout=900)
            for member, file in files
        ]
        codes = sorted(each.result().code for each in running)
    assert codes == [0, 0, 4, 4]
    assert len(machines(team.cloud.url)) == 2
    assert team.locks() == []


def test_secrets_are_read_by_a_key_of_the_cloud_without_a_passphrase(tmp_path: Path) -> None:
    with SharedCloud.started(tmp_path) as cloud:
        key = client(cloud.url, "kms").create_key()["KeyMetadata"]["KeyId"]
        provider = f"awskms://{key}?region=us-east-1&awssdk=v2"
        backend = cloud.bucket_backend()
        ann, bob = (cloud.member(name, backend, RUNCTL_ENGINE_SECRETS_PROVIDER=provider) for name in PEOPLE)
        for member in (ann, bob):
            del member.env["PULUMI_CONFIG_PASSPHRASE_FILE"]
        ann.env["TOKEN"] = "s3cr3t-of-ann"
        for member in (ann, bob):
            write_job(member.folder, "sealed", secrets=["TOKEN"], tags={"by": member.folder.name})
        ann("up", "sealed.yaml", "--yes", "--detach", timeout=600)
        told = bob("up", "sealed.yaml", "--yes", "--detach", timeout=600)  # without the value at hand
        assert "the value that the stack keeps is used" in told.text
        pages = client(cloud.url, "s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        for each in (one for page in pages for one in page["Contents"]):
            content = client(cloud.url, "s3").get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read()
            assert b"s3cr3t-of-ann" not in content, each["Key"]
        client(cloud.url, "kms").disable_key(KeyId=key)
        first = bob("down", "sealed", "--yes", "--discard-artifacts", code=None, timeout=300)
        print("with the key disabled `down` ended with", first.code)  # the emulated key decrypts all the same
        client(cloud.url, "kms").enable_key(KeyId=key)
        if first.code != 0:
            bob("down", "sealed", "--yes", "--discard-artifacts", timeout=600)
        assert ann.json("ls")["jobs"] == []
        assert ann.json("leaks")["found_something"] is False

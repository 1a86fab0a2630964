"""A folder of job files in a git repository is the truth: planned, applied, changed, pruned."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support.cloud_scanner import leaks
from support.counting_job import write_job
from support.polling import until
from support.runctl_cli import Runctl
from support.shared_cloud import SharedCloud
from support.watchers import Watchers, await_success, judged, killed_at_random

pytestmark = pytest.mark.sandbox

LASTING = {"STEPS": "100000", "STEP_SECONDS": "0.5"}


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Runctl]:
    """A repository of its own, with a sandbox of its own."""
    git(tmp_path, "init", "-q")
    runctl = Runctl(tmp_path, {"RUNCTL_MAX_PARALLEL_JOBS": "100"})
    (tmp_path / "jobs").mkdir()
    (tmp_path / ".gitignore").write_text(".runctl/\nruns/\n")
    runctl("sandbox", "start")
    try:
        yield runctl
    finally:
        runctl("sandbox", "stop")


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=ann", "-c", "user.email=ann@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True)


def commit(team: Runctl) -> None:
    git(team.folder, "add", "-A")
    git(team.folder, "commit", "-q", "-m", "change")


def lasting_job(team: Runctl, name: str, **changes: Any) -> Path:
    return write_job(team.folder / "jobs", name, env=LASTING, **changes)


def actions(plan: dict[str, Any]) -> dict[str, str]:
    return {each["job"] or each["file"]: each["action"] for each in plan["entries"]}


def outcomes(result: dict[str, Any]) -> dict[str, str]:
    return {each["job"]: f"{each['action']} {each['outcome']}" for each in result["results"]}


def cloud_of(team: Runctl) -> str:
    return str(team.json("sandbox", "status")["cloud_url"])


def test_commit_plan_apply_change_prune_and_nothing_is_left(team: Runctl) -> None:
    lasting_job(team, "first")
    (team.folder / "jobs" / "broken.yaml").write_text("name: broken\nrun: [\n")
    (team.folder / "jobs" / "compose.yaml").write_text("services: {web: {image: nginx}}\n")
    commit(team)
    plan = team.json("plan", "jobs", code=7)
    assert actions(plan) == {"first": "create", "broken.yaml": "invalid"}
    assert plan["entries"][1]["resources"]["create"] > 5
    assert [each["file"] for each in plan["others"]] == ["compose.yaml"]
    assert team.json("ls")["jobs"] == [], "a plan leaves nothing"

    git(team.folder, "rm", "-q", "jobs/broken.yaml")
    commit(team)
    assert outcomes(team.json("apply", "jobs", "--yes")) == {"first": "create done"}
    assert outcomes(team.json("apply", "jobs", "--yes")) == {"first": "unchanged nothing-to-do"}

    write_job(team.folder / "jobs", "second", env=LASTING)
    lasting_job(team, "first", tags={"team": "vision"})
    plan = team.json("plan", "jobs", "--only", "first", "--detailed-exitcode", "--out", "plan.json", code=2)
    assert actions(plan) == {"first": "update"}
    assert "create" not in plan["entries"][0]["resources"], "a tag is no reason for another machine"
    result = team.json("apply", "plan.json", "--yes")
    assert outcomes(result) == {"first": "update done"}
    assert [each["job"] for each in team.json("ls")["jobs"]] == ["first"], "nothing outside the plan"
    refused = team.json("apply", "plan.json", "--yes", code=1)["error"]
    assert refused["kind"] == "plan-outdated"
    assert any(each.startswith("state: job 'first'") for each in refused["reasons"])

    (team.folder / "jobs" / "first.yaml").unlink()
    (team.folder / "jobs" / "second.yaml").unlink()
    commit(team)
    assert team.json("plan", "jobs")["removed"] == [{"job": "first", "file": "first.yaml"}]
    assert team.json("apply", "jobs", "--yes")["results"] == []
    pruned = team.json("apply", "jobs", "--yes", "--prune", "--grace", "1", timeout=300)
    assert outcomes(pruned) == {"first": "destroy done"}
    assert team.json("ls")["jobs"] == []
    assert leaks("first", cloud_of(team)) == []


def _change_job_file(team: Runctl) -> None:
    lasting_job(team, "held", tags={"team": "other"})


def _change_code(team: Runctl) -> None:
    (team.folder / "jobs" / "held-work" / "train.py").write_text("print('other')\n")


def _change_policies(team: Runctl) -> None:
    (team.folder / "policies.yaml").write_text("maximum-sizes: {nodes: 1}\n")


def _change_state(team: Runctl) -> None:
    team("protect", "held", "bucket", "--yes")


def _change_version(team: Runctl) -> None:
    _edit_plan(team, runctl="0.0.1")


def _change_age(team: Runctl) -> None:
    _edit_plan(team, made_at="2020-01-01T00:00:00+00:00")


def _edit_plan(team: Runctl, **changes: str) -> None:
    file = team.folder / "plan.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


@pytest.mark.matrix
def test_a_stale_plan_is_refused_by_name_for_each_cause(team: Runctl) -> None:
    causes: dict[str, Callable[[Runctl], None]] = {
        "job file": _change_job_file,
        "code": _change_code,
        "policies": _change_policies,
        "version": _change_version,
        "age": _change_age,
        "state": _change_state,
    }
    lasting_job(team, "held")
    team.json("apply", "jobs", "--yes", timeout=300)
    lasting_job(team, "held", tags={"team": "vision"})
    lasting_job(team, "other")
    team.json("plan", "jobs", "--out", "plan.json")
    commit(team)
    git(team.folder, "add", "-f", "plan.json")
    for cause, change in causes.items():
        before = team.json("describe", "held")
        change(team)
        changed = team.json("describe", "held") if cause == "state" else before
        error = team.json("apply", "plan.json", "--yes", code=1)["error"]
        assert error["kind"] == "plan-outdated"
        assert any(each.startswith(f"{cause}:") for each in error["reasons"]), (cause, error["reasons"])
        assert [each["job"] for each in team.json("ls")["jobs"]] == ["held"], f"{cause}: something was made"
        after = team.json("describe", "held")
        assert after["resources"] == changed["resources"], f"{cause}: something was changed"
        git(team.folder, "checkout", "-q", "--", ".")
        (team.folder / "policies.yaml").unlink(missing_ok=True)


@pytest.mark.matrix
def test_apply_goes_on_after_it_was_killed_at_any_moment(team: Runctl) -> None:
    chance = random.Random(19)
    jobs = [f"killed-{number}" for number in range(4)]
    for job in jobs:
        lasting_job(team, job)
    began = time.monotonic()
    team.json("plan", "jobs", timeout=300)
    seconds = time.monotonic() - began
    for _ in range(6):
        process = team.start("apply", "jobs", "--yes", "--parallel", "2")
        time.sleep(chance.uniform(0.2, 1.5) * seconds)
        process.kill()
        process.communicate()
    ended = team.json("apply", "jobs", "--yes", timeout=900)
    assert {each["outcome"] for each in ended["results"]} <= {"done", "nothing-to-do"}
    again = outcomes(team.json("apply", "jobs", "--yes", timeout=300))
    assert again == dict.fromkeys(jobs, "unchanged nothing-to-do")
    for job in jobs:
        (team.folder / "jobs" / f"{job}.yaml").unlink()
    team.json("apply", "jobs", "--yes", "--prune", "--grace", "1", "--discard-artifacts", timeout=900)
    assert [leaks(job, cloud_of(team)) for job in jobs] == [[]] * len(jobs)


@pytest.mark.matrix
def test_sixty_stacks_four_at_a_time_are_faster_than_one(team: Runctl) -> None:
    """Also: nothing of any of them is left."""
    per_side = 30
    throughput: dict[int, float] = {}
    for parallel in (4, 1):
        jobs = [f"at-{parallel}-{number}" for number in range(per_side)]
        for job in jobs:
            write_job(team.folder / "jobs", job, env={"STEPS": "1", "STEP_SECONDS": "0"})
        began = time.monotonic()
        options = ("--yes", "--parallel", str(parallel), "--only", f"at-{parallel}-*")
        made = team.json("apply", "jobs", *options, timeout=7200)
        assert set(outcomes(made).values()) == {"create done"}
        for job in jobs:
            (team.folder / "jobs" / f"{job}.yaml").unlink()
        ended = team.json(
            "apply", "jobs", *options, "--prune", "--discard-artifacts", "--grace", "1", timeout=7200
        )
        assert set(outcomes(ended).values()) == {"destroy done"}
        throughput[parallel] = per_side / (time.monotonic() - began)
        assert [leaks(job, cloud_of(team)) for job in jobs] == [[]] * per_side
    ratio = throughput[4] / throughput[1]
    print(
        f"{per_side} stacks each: {throughput[4] * 60:.1f} a minute with --parallel 4, "
        f"{throughput[1] * 60:.1f} with 1: {ratio:.2f}"
    )
    assert ratio >= 1.5


@pytest.mark.matrix
def test_apply_beside_two_watchers_of_ten_jobs_for_five_minutes(tmp_path: Path) -> None:
    chance = random.Random("apply-and-watch")
    cloud, watchers = SharedCloud.start(tmp_path), Watchers(tmp_path)
    try:
        backend = cloud.folder_backend()
        ann, bob = (cloud.member(name, backend, RUNCTL_MAX_PARALLEL_JOBS="20") for name in ("ann", "bob"))
        jobs = [f"job-{number}" for number in range(10)]
        (ann.folder / "jobs").mkdir()
        for job in jobs:
            write_job(ann.folder / "jobs", job, env={"STEPS": "300", "STEP_SECONDS": "1"})
        made = ann.json("apply", "jobs", "--yes", timeout=1200)
        assert outcomes(made) == dict.fromkeys(jobs, "create done")
        for member in (ann, bob):
            watchers.start(member, "--all", "--every", "2")
        results: list[dict[str, Any]] = []
        ended = threading.Event()

        def apply_again() -> None:
            while not ended.is_set():
                results.append(ann.json("apply", "jobs", "--yes", "--continue-on-error", timeout=900))

        with ThreadPoolExecutor(max_workers=1) as beside:
            applying = beside.submit(apply_again)
            try:
                killed = killed_at_random(cloud, jobs, chance, kills=60, seconds=300)
                await_success(ann, jobs, 900)
            finally:
                ended.set()
            applying.result()
        for process in watchers.processes:
            process.send_signal(signal.SIGINT)
        assert [process.wait(timeout=60) for process in watchers.processes] == [130, 130]
        brought_back = sum(
            each["action"] == "bring-back" and each["outcome"] == "done"
            for result in results
            for each in result["results"]
        )
        print(judged(cloud, jobs, killed), f"; {len(results)} applies, {brought_back} brought back by them")
        assert all(each["outcome"] != "failed" for result in results for each in result["results"])
    finally:
        watchers.kill()
        cloud.stop()


@pytest.mark.matrix
def test_a_lost_machine_is_brought_back_and_an_ended_run_released(team: Runctl) -> None:
    from support.emulated_cloud import client

    lasting_job(team, "lost")
    write_job(team.folder / "jobs", "brief", env={"STEPS": "1"})
    team.json("apply", "jobs", "--yes", timeout=300)
    until(lambda: team.json("status", "brief")["phase"] == "succeeded", seconds=200)
    first = team.json("status", "lost")["machine"]["id"]
    client(cloud_of(team), "ec2").terminate_instances(InstanceIds=[first])
    until(lambda: actions(team.json("plan", "jobs"))["lost"] == "bring-back", seconds=300)
    result = outcomes(team.json("apply", "jobs", "--yes", timeout=300))
    assert result == {"lost": "bring-back done", "brief": "finished done"}
    assert team.json("status", "lost")["machine"]["id"] != first
    assert actions(team.json("plan", "jobs")) == {"lost": "unchanged", "brief": "finished"}


@pytest.mark.matrix
def test_prune_leaves_what_is_protected_and_ends_the_others(team: Runctl) -> None:
    held = {"name": "data", "size": "2GB", "mount": "/data", "protect": True}
    lasting_job(team, "kept", volumes=[held])
    lasting_job(team, "gone")
    team.json("apply", "jobs", "--yes", timeout=300)
    for job in ("kept", "gone"):
        (team.folder / "jobs" / f"{job}.yaml").unlink()
    result = team.json("apply", "jobs", "--yes", "--prune", "--grace", "1", code=4, timeout=300)
    assert outcomes(result) == {"kept": "refused failed", "gone": "destroy done"}
    assert result["results"][1]["error"]["kind"] == "protected"
    assert leaks("gone", cloud_of(team)) == []

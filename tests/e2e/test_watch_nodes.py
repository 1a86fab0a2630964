"""A watcher of a job on several machines that goes on with fewer of them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cloud_faults import Fault, faults_left, trouble
from support.cloud_keys import control
from support.cloud_scanner import leaks
from support.launch_history import machines
from support.nodes_job import write_nodes_job
from support.shared_cloud import Member, SharedCloud
from support.watchers import Watchers

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]

JOB = "fewer"
REFUSALS = 1000


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[SharedCloud]:
    started = SharedCloud.start(tmp_path)
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture
def watchers(tmp_path: Path) -> Iterator[Watchers]:
    made = Watchers(tmp_path)
    yield made
    made.kill()


def awaited(what: str, is_true: Callable[[], Any], seconds: float = 600) -> None:
    """Wait until `is_true`; `what` is told when it does not come."""
    give_up = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < give_up, what
        time.sleep(1)


def log_has(member: Member, line: str) -> Callable[[], bool]:
    return lambda: line in member("logs", JOB, "--rank", "0", code=None).out


def member_starts(member: Member) -> list[str]:
    """Of how many ranks the first one was at each start."""
    return re.findall(r"rank 0 of (\d) starts", member("logs", JOB, "--rank", "0", code=None).out)


def nodes(member: Member) -> dict[int, dict[str, Any]]:
    return {each["node"]: each for each in member.json("status", JOB)["nodes"]}


def test_watchers_ask_for_a_missing_machine_while_the_others_train(
    cloud: SharedCloud, watchers: Watchers
) -> None:
    """Machine 1 of 3 is lost and cannot be had; the watcher is killed meanwhile, and another one, that knows
    the job from its stack alone, asks for the machine until it is there.
    """
    backend = cloud.folder_backend()
    ann, bob = cloud.member("ann", backend), cloud.member("bob", backend)
    file = write_nodes_job(
        ann.folder, JOB, 3, elastic={"min": 2, "wait": "3s"}, on_demand_ranks=[0], spot_policy="spot",
        env={"STEPS": "100000", "STEP_SECONDS": "0.3"},
    )  # fmt: skip
    ann.json("up", str(file), "--yes", "--detach", timeout=300)
    awaited("all three train", log_has(ann, "step 4 of"))
    first = nodes(ann)

    full = Fault("ec2:RunInstances", "InsufficientInstanceCapacity", REFUSALS, {"Job": JOB})
    with trouble(cloud.url, full):
        killed = watchers.start(bob, JOB, "--every", "1")
        control(cloud.url, "POST", f"instances/{first[1]['instance']}/power", {"power": "cut"})
        awaited("two go on", log_has(ann, "rank 0 of 2 starts at step"))
        awaited("a refusal is told", lambda: "problem" in [each["event"] for each in watchers.events()])
        killed.kill()
        killed.wait()
        before = faults_left(cloud.url)
        watchers.start(cloud.member("eve", backend), JOB, "--every", "1")
        awaited("it is asked for again", lambda: faults_left(cloud.url) < before)
        present = nodes(ann)
        assert [present[each]["instance"] for each in (0, 2)] == [first[each]["instance"] for each in (0, 2)]
        assert [present[each]["phase"] for each in (0, 2)] == ["running", "running"]

    awaited("all go on together", lambda: member_starts(ann) == ["3", "2", "3"])
    awaited("the new machine is told", lambda: "replaced" in [each["event"] for each in watchers.events()])
    told = [(each["event"], each["message"]) for each in watchers.events()]
    assert [each for each, _ in told].count("replaced") == 1
    assert any(each == "lost" and "a new one is made" in message for each, message in told)
    assert any(each == "lost" and "asked for again" in message for each, message in told)
    assert any(each == "problem" and "others go on" in message for each, message in told)

    lived = [each for each in machines(cloud.url) if each.job == JOB]
    assert len(lived) == 4, "one machine was lost, and one was made in its place"
    assert len({each.run for each in lived}) == 1
    assert ann.json("down", JOB, "--yes", "--grace", "1", "--discard-artifacts")["nothing_left"]
    assert leaks(JOB, cloud.url) == []

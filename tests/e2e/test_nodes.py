"""Jobs on several machines: one start, one stop, one checkpoint of all; lost machines; all or none."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from support.cloud_faults import Fault, faults_left, trouble
from support.cloud_keys import control
from support.cloud_points import CloudPoints
from support.cloud_scanner import leaks, read_inventory
from support.followed_up import Followed
from support.nodes_job import weights, write_nodes_job
from support.runctl_cli import Runctl

pytestmark = pytest.mark.sandbox

ZONES = ["us-east-1a", "us-east-1b"]
CLOSE: dict[str, Any] = {
    "network": {"placement": "cluster"},
    "resources": {"instance_types": ["c5.large"], "disk": "10GB"},
}
ATTEMPTS = 4
"""How often the provider asks for a machine before it gives up."""
ENDLESS = {"STEPS": "100000", "STEP_SECONDS": "0.3"}
STEPS = {"STEPS": "40", "STEP_SECONDS": "0.3"}


def instances(job: str, cloud_url: str) -> list[dict[str, Any]]:
    found = read_inventory(cloud_url).get("instance", [])
    return [each for each in found if each["tags"].get("runctl:job") == job]


def machine_of(job: str, rank: int, cloud_url: str) -> str:
    """The id of the machine of a rank."""
    (found,) = [
        each["id"]
        for each in instances(job, cloud_url)
        if each["tags"]["Name"].startswith(f"runctl-{job}-node-{rank}-")
    ]
    return str(found)


def ended_well(runctl: Runctl, job: str, cloud_url: str) -> None:
    assert runctl.json("down", job, "--yes", "--grace", "1", "--discard-artifacts")["nothing_left"]
    assert leaks(job, cloud_url) == []


def test_two_machines_train_one_model(runctl: Runctl, cloud_url: str, ended: list[str]) -> None:
    ended.append("pair")
    file = write_nodes_job(runctl.folder, "pair", 2, **CLOSE, env={"STEPS": "6", "STEP_SECONDS": "0.1"})
    result = runctl.json("up", str(file), "--yes")
    assert result["phase"] == "succeeded"
    home = Path(result["artifacts"]["folder"])
    assert json.loads((home / "model" / "metrics.json").read_text())["ranks"] == 2

    merged = [json.loads(line) for line in runctl("--output", "json", "logs", "pair").out.splitlines()]
    assert {"line": "rank 0 of 2 starts at step 0", "rank": 0} in merged
    assert {"line": "rank 1 of 2 starts at step 0", "rank": 1} in merged
    only = runctl("logs", "pair", "--rank", "1").out
    assert "rank 1 of 2" in only
    assert "rank 0 of 2" not in only
    assert "no rank 2" in runctl("logs", "pair", "--rank", "2", code=7).err

    status = runctl.json("status", "pair")
    assert [(each["node"], each["phase"], each["exit_code"]) for each in status["nodes"]] == [
        (0, "succeeded", 0),
        (1, "succeeded", 0),
    ]
    assert len({each["address"] for each in status["nodes"]}) == 2
    assert len({each["id"] for each in status["status"]["machines"]}) == 2
    assert all(each["ended_at"] for each in status["status"]["machines"])
    assert instances("pair", cloud_url) == []
    ended_well(runctl, "pair", cloud_url)


@pytest.fixture(scope="module")
def undisturbed(runctl: Runctl) -> Callable[[int], list[str]]:
    """The weights that a run on so many machines comes to when nothing happens; each number runs once."""

    @cache
    def run(nodes: int) -> list[str]:
        file = write_nodes_job(runctl.folder, f"calm-{nodes}", nodes, env=STEPS)
        found = weights(runctl.json("up", str(file), "--yes", timeout=300))
        runctl.json("down", f"calm-{nodes}", "--yes", "--discard-artifacts")
        return found

    return run


@pytest.mark.matrix
@pytest.mark.parametrize(
    "case", [(2, 0, 1), (2, 1, 1), (2, 0, 2), (2, 1, 2), *((4, each, 1) for each in range(4))], ids=str
)
def test_a_lost_machine_changes_nothing_of_the_result(
    runctl: Runctl,
    cloud_url: str,
    ended: list[str],
    undisturbed: Callable[[int], list[str]],
    case: tuple[int, int, int],
) -> None:
    """At a random moment, seeded: the weights are those of an undisturbed run, to the last bit."""
    nodes, lost, seed = case
    name = f"lost-{nodes}-{lost}-{seed}"
    ended.append(name)
    file = str(write_nodes_job(runctl.folder, name, nodes, env=STEPS))
    up = Followed(runctl, file)
    up.await_line(r"step 4 of")
    time.sleep(random.Random(f"{nodes} {lost} {seed}").uniform(0, 3))
    began = time.monotonic()
    control(cloud_url, "POST", f"instances/{machine_of(name, lost, cloud_url)}/power", {"power": "cut"})
    up.await_line(r"starts at step [1-9]")
    print(f"MEASURED {nodes} nodes, {lost} lost: {time.monotonic() - began:.1f} s until all trained again")
    assert up.end() == 0, "".join(up.lines)
    assert weights(runctl.json("up", file, "--yes")) == undisturbed(nodes)
    ended_well(runctl, name, cloud_url)


def worker_of(job: str, rank: int) -> int:
    """The process that trains a rank of a job; waits until there is one."""
    give_up = time.monotonic() + 60
    while True:
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes()
                held = (folder / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            wanted = {f"RUNCTL_JOB={job}".encode(), f"RUNCTL_NODE_RANK={rank}".encode()}
            if b"train.py" in command and b"bash" not in command and wanted <= set(held):
                return int(folder.name)
        assert time.monotonic() < give_up, f"rank {rank} of {job} trains nowhere"
        time.sleep(0.1)


STOPPED = re.compile(r"all ranks have stopped within ([0-9.]+) s")
GOES_ON = re.compile(r"training goes on after ([0-9.]+) s, ([0-9.]+) s of them without all nodes")


@pytest.mark.matrix
@pytest.mark.parametrize("seed", range(20))
def test_a_worker_or_a_machine_killed_at_random_changes_nothing_of_the_result(
    runctl: Runctl, cloud_url: str, ended: list[str], undisturbed: Callable[[int], list[str]], seed: int
) -> None:
    """The times are those of the agents' own log: of the order to stop, and of the next start."""
    rng = random.Random(f"killed {seed}")
    rank, is_machine = rng.randrange(2), rng.random() < 0.5
    name = f"killed-{seed}"
    ended.append(name)
    retry = {"on_events": ["no-capacity", "interruption", "error"], "max_attempts": 3}
    file = str(write_nodes_job(runctl.folder, name, 2, env=STEPS, retry=retry))
    up = Followed(runctl, file)
    up.await_line(r"step 4 of")
    time.sleep(rng.uniform(0, 3))
    if is_machine:
        machine = machine_of(name, rank, cloud_url)
        control(cloud_url, "POST", f"instances/{machine}/power", {"power": "cut"})
    else:
        os.kill(worker_of(name, rank), signal.SIGKILL)
    up.await_line(r"starts at step [1-9]")
    assert up.end() == 0, "".join(up.lines)
    told = "".join(up.lines)
    stopped = [float(each) for each in STOPPED.findall(told)]
    goes_on = [(float(after), float(missing)) for after, missing in GOES_ON.findall(told)]
    what = f"{'machine' if is_machine else 'worker'} of rank {rank}"
    print(f"MEASURED seed {seed}, {what}: all stopped within {stopped} s, trained again after {goes_on} s")
    if not (is_machine and rank == 0):  # the log of a machine that is gone ends with it
        assert max(stopped) <= 3
        assert all(after - missing <= 20 for after, missing in goes_on)
        assert goes_on
    assert weights(runctl.json("up", file, "--yes")) == undisturbed(2)
    ended_well(runctl, name, cloud_url)


@pytest.mark.matrix
def test_capacity_for_three_of_four_leaves_no_machine(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    ended.append("quartet")
    file = write_nodes_job(
        runctl.folder, "quartet", 4, zones=ZONES, spot_policy="spot", retry={"on_events": []},
        resources={"instance_types": ["t3.micro"], "disk": "10GB"},
    )  # fmt: skip
    faults = [
        Fault(
            "ec2:RunInstances",
            "InsufficientInstanceCapacity",
            1000,
            {"Job": "quartet", "AvailabilityZone": zone},
            after=3,
        )
        for zone in ZONES
    ]
    with trouble(cloud_url, *faults):
        refused = runctl("--output", "json", "up", str(file), "--yes", code=6, timeout=300)
        trail = json.loads(refused.out)["error"]["trail"]
        assert sorted(each["zone"] for each in trail) == ZONES
        assert instances("quartet", cloud_url) == []
    with trouble(cloud_url, faults[0]):
        made = runctl.json("up", str(file), "--yes", "--detach", timeout=300)
    assert made["placement"]["zone"] == (ZONES[1] if made["trail"][-1]["zone"] == ZONES[0] else ZONES[0])
    assert len(instances("quartet", cloud_url)) == 4
    ended_well(runctl, "quartet", cloud_url)


def close_groups(job: str, cloud_url: str) -> list[str]:
    """The names of a job's placement groups."""
    found = read_inventory(cloud_url).get("placement-group", [])
    return [str(each["name"]) for each in found if each["tags"].get("runctl:job") == job]


@pytest.mark.matrix
def test_machines_close_to_each_other_move_together_and_leave_no_group(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    ended.append("close")
    file = str(write_nodes_job(runctl.folder, "close", 2, **CLOSE, zones=ZONES, env=ENDLESS))
    plan = runctl.json("preview", file)
    assert [each for each in plan["notes"] if "cluster placement group" in each]
    assert "aws:ec2/placementGroup:PlacementGroup" in {each["type"] for each in plan["changes"]}
    full = Fault(
        "ec2:RunInstances",
        "InsufficientInstanceCapacity",
        1000,
        {"Job": "close", "AvailabilityZone": plan["placement"]["zone"]},
        after=1,
    )
    with trouble(cloud_url, full):
        made = runctl.json("up", file, "--yes", "--detach", timeout=300)
    assert made["placement"]["zone"] != plan["placement"]["zone"]
    (group,) = close_groups("close", cloud_url)
    assert len(instances("close", cloud_url)) == 2
    assert runctl.json("drift", "close")["drifted"] == []

    up = Followed(runctl, file)
    up.await_line(r"step 2 of")
    control(cloud_url, "POST", f"instances/{machine_of('close', 1, cloud_url)}/power", {"power": "cut"})
    up.await_line(r"starts at step [1-9]")
    assert close_groups("close", cloud_url) == [group], (
        "a machine in place of a lost one is in the same group"
    )
    receipt = runctl.json("down", "close", "--yes", "--grace", "1", "--discard-artifacts")
    up.end()
    assert receipt["nothing_left"]
    assert "aws:ec2/placementGroup:PlacementGroup" in {each["type"] for each in receipt["deleted"]}
    assert close_groups("close", cloud_url) == []
    assert leaks("close", cloud_url) == []


@pytest.mark.matrix
def test_two_of_three_go_on_while_the_third_cannot_be_had(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    ended.append("elastic")
    file = str(write_nodes_job(runctl.folder, "elastic", 3, elastic={"min": 2, "wait": "3s"}, env=ENDLESS))
    up = Followed(runctl, file)
    up.await_line(r"rank 2 of 3 starts at step 0")
    up.await_line(r"step 4 of")
    full = Fault("ec2:RunInstances", "InsufficientInstanceCapacity", 1000, {"Job": "elastic"})
    with trouble(cloud_url, full):
        control(cloud_url, "POST", f"instances/{machine_of('elastic', 1, cloud_url)}/power", {"power": "cut"})
        up.await_line(r"rank 1 of 2 starts at step [1-9]")
        give_up = time.monotonic() + 120
        while faults_left(cloud_url) > 1000 - 2 * ATTEMPTS:  # it was asked for again
            assert time.monotonic() < give_up
            time.sleep(0.5)
        assert len(instances("elastic", cloud_url)) == 2, "none of the others was ended for want of capacity"
        (listed,) = [each for each in runctl.json("ls")["jobs"] if each["job"] == "elastic"]
        assert (listed["phase"], listed["nodes"], listed["nodes_present"]) == ("running", 3, 2)
    up.await_line(r"all go on together")
    up.await_line(r"rank 2 of 3 starts at step [1-9]")
    ended_well(runctl, "elastic", cloud_url)
    up.end()
    told = "".join(up.lines)
    starts = [int(found) for found in re.findall(r"rank 0 of \d starts at step (\d+)", told)]
    assert starts == sorted(starts)
    assert len(starts) == 3, "with three, with two, with three"


@pytest.mark.matrix
def test_a_rank_that_fails_ends_the_job_with_its_code(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    ended.append("failing")
    command = 'python3 train.py & [ "$RUNCTL_NODE_RANK" = 1 ] && sleep 2 && exit 5; wait'
    file = write_nodes_job(runctl.folder, "failing", 3, run=command, env=STEPS)
    refused = runctl("--output", "json", "up", str(file), "--yes", code=3, timeout=300)
    error = json.loads(refused.out)["error"]
    assert error["training_exit_code"] == 5
    assert "rank 1: the command ended with exit code 5" in error["what"]
    ended_well(runctl, "failing", cloud_url)


@pytest.mark.matrix
def test_a_notice_at_one_machine_saves_a_checkpoint_of_all(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    ended.append("noticed")
    file = write_nodes_job(runctl.folder, "noticed", 2, spot_policy="spot", env=STEPS)
    up = Followed(runctl, str(file))
    up.await_line(r"step 5 of")
    runctl("sandbox", "interrupt", "noticed", "--notice", "30s", "--rank", "1")
    assert up.end() == 0, "".join(up.lines)
    told = "".join(up.lines)
    assert "told to leave" in told
    starts = [int(found) for found in re.findall(r"rank 1 of 2 starts at step (\d+)", told)]
    last = max(int(found) for found in re.findall(r"\[1\] step (\d+) of 40[^\n]*\n\[1\] told to leave", told))
    assert starts == [0, last], "nothing is trained twice"
    ended_well(runctl, "noticed", cloud_url)


@pytest.mark.matrix
def test_the_first_rank_may_be_on_demand_and_the_others_spot(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    ended.append("mixed")
    file = write_nodes_job(
        runctl.folder, "mixed", 2, spot_policy="spot", on_demand_ranks=[0],
        env={"STEPS": "400", "STEP_SECONDS": "0.2"},
    )  # fmt: skip
    up = Followed(runctl, str(file))
    up.await_line(r"step 2 of")
    status = runctl.json("status", "mixed")
    assert {each["phase"] for each in status["nodes"]} == {"running"}
    markets = {each["id"]: each["market"] for each in status["status"]["machines"]}
    assert [markets[each["instance"]] for each in status["nodes"]] == ["on-demand", "spot"]
    for rank in ("0", "1"):
        told = runctl("exec", "mixed", "--rank", rank, "--", "printenv", "RUNCTL_NODE_RANK").out
        assert told.strip() == rank
        machine = runctl.json("ps", "mixed", "--rank", rank)["machine"]
        assert machine == status["nodes"][int(rank)]["instance"]
    assert "no rank 2" in runctl("exec", "mixed", "--rank", "2", "--", "true", code=7).err
    (listed,) = [each for each in runctl.json("ls")["jobs"] if each["job"] == "mixed"]
    assert (listed["nodes"], listed["nodes_present"]) == (2, 2)
    runctl("down", "mixed", "--yes", "--grace", "5", "--discard-artifacts")
    up.end()
    assert leaks("mixed", cloud_url) == []


@pytest.mark.matrix
def test_down_while_a_machine_is_missing_leaves_nothing(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    ended.append("gap")
    file = write_nodes_job(runctl.folder, "gap", 3, recovery="none", env=STEPS)
    runctl.json("up", str(file), "--yes", "--detach", timeout=300)
    give_up = time.monotonic() + 120
    while runctl.json("status", "gap")["phase"] != "running":
        assert time.monotonic() < give_up
    runctl("sandbox", "fail", "gap", "--kind", "kill", "--rank", "0")
    ended_well(runctl, "gap", cloud_url)


def memory_in_use() -> float:
    """GB that all processes of this machine have in use."""
    found = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    total, available = (float(found[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    return (total - available) / 1e6


class MostMemory:
    """The most memory in use while the context is open, beyond what was in use before."""

    def __enter__(self) -> MostMemory:
        self._before = memory_in_use()
        self.most = 0.0
        self._ends = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        return self

    def _look(self) -> None:
        while not self._ends.wait(0.5):
            self.most = max(self.most, memory_in_use() - self._before)

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._watch.join()


@pytest.mark.matrix
def test_sixteen_machines_take_as_many_calls_each_as_two(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    points = CloudPoints(cloud_url)
    calls: dict[int, int] = {}
    try:
        for nodes in (2, 4, 16):
            name = f"wide-{nodes}"
            ended.append(name)
            file = write_nodes_job(runctl.folder, name, nodes, run="sleep 1", artifacts={})
            points.count()
            began = time.monotonic()
            with MostMemory() as memory:
                result = runctl.json("up", str(file), "--yes", timeout=900)
            seconds = time.monotonic() - began
            calls[nodes] = len(points.seen())
            assert result["phase"] == "succeeded"
            print(
                f"MEASURED {nodes} nodes: {seconds:.0f} s from `up` to its end, at most {memory.most:.2f} GB "
                f"more in use on this machine, {calls[nodes]} changing calls"
            )
            assert {each["phase"] for each in runctl.json("status", name)["nodes"]} == {"succeeded"}
            ended_well(runctl, name, cloud_url)
    finally:
        points.clear()
    a_node = (calls[4] - calls[2]) / 2
    assert (calls[16] - calls[4]) / 12 == a_node

"""Jobs with ``provider: runpod`` from the command line, in the sandbox."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from support.runctl_cli import Runctl
from support.runpod_jobs import RunpodJobs, weights_after
from support.waiting import await_output

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]
PATIENCE = 90
EVERY_POD = "POST /v2/pods"


@pytest.fixture
def jobs(runctl: Runctl) -> RunpodJobs:
    return RunpodJobs(runctl)


def await_that(condition: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up, what
        time.sleep(0.1)


def test_a_job_from_up_to_down(jobs: RunpodJobs, cloud_url: str, ended: list[str]) -> None:
    ended.append("pod-life")
    runctl = Runctl(jobs.runctl.folder, {**jobs.runctl.env, "TOKEN": "hidden-value"})
    file = jobs.write("pod-life", secrets=["TOKEN"], run="python3 pod_train.py && echo length ${#TOKEN}")
    plan = runctl("preview", file)
    assert "nvidia-a40.1 on-demand" in plan.text
    assert "runctl reap" in plan.text
    up = runctl.json("up", file, "--yes")
    assert up["phase"] == "succeeded"
    folder = runctl.folder / "runs" / "pod-life" / up["run"]
    assert (folder / "model/weights").read_text() == weights_after(3)
    assert "length 12" in runctl("logs", "pod-life").out
    assert "hidden-value" not in "".join(
        each.read_text(errors="replace") for each in jobs.sandbox.rglob("*.json") if each.is_file()
    )
    again = runctl("up", file, "--yes")
    assert "has ended before" in again.text
    assert runctl("leaks").code == 0
    receipt = runctl.json("down", "pod-life", "--yes")
    assert receipt["leaked"] == []
    assert jobs.left("pod-life", cloud_url) == []
    await_that(lambda: jobs.processes() == [], "processes of pods are left")


def test_a_pod_that_vanishes_is_replaced_and_the_job_goes_on(
    jobs: RunpodJobs, cloud_url: str, ended: list[str]
) -> None:
    ended.append("pod-lost")
    file = jobs.write("pod-lost", env={"EPOCHS": "12"})
    process = jobs.runctl.start("up", file, "--yes")
    await_output(process, "epoch 5")
    (pod,) = [each for each in jobs.control("GET", "inventory")["pods"] if "pod-lost" in each["name"]]
    jobs.control("POST", f"pods/{pod['id']}/vanish", {})
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, out + err
    assert "is lost; making a new one" in out + err
    assert "going on from checkpoint" in out + err
    assert "epoch 11" in out
    (model,) = (jobs.runctl.folder / "runs" / "pod-lost").glob("*/model/weights")
    assert model.read_text() == weights_after(12)
    jobs.runctl("down", "pod-lost", "--yes")
    assert jobs.left("pod-lost", cloud_url) == []


def test_a_pod_that_vanishes_while_only_watch_is_there_is_replaced(
    jobs: RunpodJobs, cloud_url: str, ended: list[str]
) -> None:
    ended.append("pod-watched")
    file = jobs.write("pod-watched", env={"EPOCHS": "12"})
    jobs.runctl("up", file, "--yes", "--detach")
    watch = jobs.runctl.start("--output", "json", "watch", "pod-watched", "--every", "1")
    try:
        await_that(lambda: "epoch 5" in jobs.runctl("logs", "pod-watched").out, "epoch 5 is never reached")
        (pod,) = [each for each in jobs.control("GET", "inventory")["pods"] if "watched" in each["name"]]
        jobs.control("POST", f"pods/{pod['id']}/vanish", {})
        out, err = watch.communicate(timeout=PATIENCE)
    finally:
        watch.kill()
    assert watch.returncode == 0, out + err
    events = [json.loads(line) for line in out.splitlines()]
    assert sum(each["event"] == "replaced" for each in events) == 1
    up = jobs.runctl.json("up", file, "--yes")
    assert up["phase"] == "succeeded"
    (model,) = (jobs.runctl.folder / "runs" / "pod-watched").glob("*/model/weights")
    assert model.read_text() == weights_after(12)
    jobs.runctl("down", "pod-watched", "--yes")
    assert jobs.left("pod-watched", cloud_url) == []


def test_a_pod_of_the_community_cloud(jobs: RunpodJobs, cloud_url: str, ended: list[str]) -> None:
    ended.append("pod-community")
    file = jobs.write("pod-community", runpod={"cloud": "community"}, env={"EPOCHS": "400"})
    up = jobs.runctl.json("up", file, "--yes", "--detach")
    assert (up["placement"]["zone"], up["placement"]["price_hour"]) == ("COMMUNITY", 0.5)
    (pod,) = [each for each in jobs.control("GET", "inventory")["pods"] if "community" in each["name"]]
    assert pod["cloud"] == "COMMUNITY"
    assert jobs.runctl.json("drift", "pod-community", code=None)
    jobs.runctl("down", "pod-community", "--yes", "--discard-artifacts", "--grace", "1")
    assert jobs.left("pod-community", cloud_url) == []


def test_without_capacity_the_next_data_centre(jobs: RunpodJobs, cloud_url: str, ended: list[str]) -> None:
    ended.append("pod-elsewhere")
    file = jobs.write("pod-elsewhere")
    jobs.fail("no-capacity", times=9, dataCenterIds="EU-RO-1")
    try:
        up = jobs.runctl.json("up", file, "--yes")
    finally:
        jobs.control("DELETE", "faults")
    assert up["placement"]["zone"] == "US-KS-2"
    jobs.runctl("down", "pod-elsewhere", "--yes", "--discard-artifacts")
    assert jobs.left("pod-elsewhere", cloud_url) == []


def test_a_network_volume_outlives_its_job(jobs: RunpodJobs, cloud_url: str, ended: list[str]) -> None:
    ended.append("pod-volume")
    volume = {"name": "data", "size": "10GB", "mount": "/data", "protect": True}
    file = jobs.write("pod-volume", volumes=[volume], run="echo kept >> /data/f; cat /data/f")
    jobs.runctl("up", file, "--yes")
    jobs.runctl("unprotect", "pod-volume", "data", "--yes")
    jobs.runctl("protect", "pod-volume", "data", "--yes")
    down = jobs.runctl.json("down", "pod-volume", "--yes", code=None)
    assert [each["type"] for each in down["kept"]] == ["runctl-runpod:index:NetworkVolume"]
    assert [each for each in jobs.left("pod-volume", cloud_url) if "networkVolumes" not in each] == []
    jobs.runctl("down", "pod-volume", "--yes", "--include-protected", "data", "--confirm", "data")
    assert jobs.left("pod-volume", cloud_url) == []


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"spot_policy": "spot"}, "spot"),
        ({"recovery": "cloud"}, "recovery: cloud"),
        ({"nodes": 2}, "nodes: 2"),
        ({"image": "ami-0123456789abcdef0"}, "a pod is a container"),
        ({"data": [{"source": "s3://bucket/x", "path": "d/"}]}, "data"),
        ({"zones": ["us-east-1a"]}, "is no data centre of RunPod"),
    ],
)
def test_what_runpod_has_not_is_refused(
    jobs: RunpodJobs, cloud_url: str, fields: dict[str, object], told: str
) -> None:
    refused = jobs.runctl("up", jobs.write("pod-refused", **fields), "--yes", code=7)
    assert told in refused.text
    assert jobs.left("pod-refused", cloud_url) == []


def test_a_pod_cannot_be_reached_and_says_so(jobs: RunpodJobs, cloud_url: str, ended: list[str]) -> None:
    ended.append("pod-reach")
    file = jobs.write("pod-reach", env={"EPOCHS": "400"})
    jobs.runctl("up", file, "--yes", "--detach")
    refused = jobs.runctl("exec", "pod-reach", "--", "true", code=7)
    assert "RunPod's API runs no commands" in refused.text
    status = jobs.runctl.json("status", "pod-reach")
    assert json.dumps(status)
    jobs.runctl("down", "pod-reach", "--yes", "--discard-artifacts", "--grace", "1")
    assert jobs.left("pod-reach", cloud_url) == []


FAULTS = [
    ("throttled", EVERY_POD, 2),
    ("failing", EVERY_POD, 2),
    ("failing-after", EVERY_POD, 1),
    ("failing", EVERY_POD, 99),
    ("no-capacity", EVERY_POD, 99),
    ("balance-spent", EVERY_POD, 99),
    ("key-revoked", EVERY_POD, 99),
    ("forbidden", EVERY_POD, 99),
    ("failing-after", "POST /v2/account/secrets", 1),
    ("failing", "POST /v2/account/secrets", 99),
    ("throttled", "GET /v2/pods", 3),
    ("failing", "GET /v2/catalog/gpus", 2),
    ("failing", "GET /v2/pods/{id}", 2),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: "-".join(map(str, fault)))
def test_whatever_fails_one_down_leaves_nothing(
    jobs: RunpodJobs, cloud_url: str, ended: list[str], fault: tuple[str, str, int]
) -> None:
    kind, operation, times = fault
    name = f"pod-fault-{FAULTS.index(fault)}"
    ended.append(name)
    file = jobs.write(name, retry={"on_events": ["interruption"]})
    jobs.fail(kind, operation, times)
    try:
        jobs.runctl("up", file, "--yes", code=None)
    finally:
        jobs.control("DELETE", "faults")
    jobs.runctl("down", name, "--yes", "--discard-artifacts", "--grace", "1", code=None)
    assert jobs.left(name, cloud_url) == []

"""Jobs of this machine as a person runs them: no cloud, no engine, nothing left; killed at any moment."""

from __future__ import annotations

import os
import random
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.counting_job import write_job
from support.local_jobs import LocalRunctl, until
from support.runctl_cli import Ran
from support.waiting import wait_for_line

SECRET = "s3cret-value-of-a-token"


@pytest.fixture
def runctl(tmp_path: Path) -> Iterator[LocalRunctl]:
    command = LocalRunctl(tmp_path / "project")
    yield command
    for each in command.job_folder("any").path.parent.glob("*"):
        command("down", each.name, "--yes", "--discard-artifacts", "--grace", "1", code=None)
        for pid in command.processes(each.name):
            os.kill(pid, signal.SIGKILL)


def job(runctl: LocalRunctl, name: str, **env: object) -> str:
    return str(write_job(runctl.folder, name, env={"STEP_SECONDS": "0.05", **env}, provider="local"))


def test_up_trains_and_down_leaves_nothing(runctl: LocalRunctl) -> None:
    file = job(runctl, "first")
    result = runctl.json("up", file, "--yes")
    assert (result["phase"], result["exit_code"]) == ("succeeded", 0)
    assert runctl.metrics_of("first", result["run"]) == {"steps": 3, "starts": [0]}
    assert "step 3" in runctl("logs", "first").out.splitlines()
    described = runctl.json("describe", "first")
    assert described["checkpoints"]["count"] >= 1
    assert described["cost"]["usd"] == 0
    assert described["drift"] == []
    assert [each["job"] for each in runctl.json("ls")["jobs"]] == ["first"]
    assert runctl.json("cost", "first")["usd"] == 0
    assert "left 0.3333" in runctl("status", "first").out
    again = runctl.json("up", file, "--yes")
    assert (again["run"], again["changed"]) == (result["run"], False)
    refused = runctl("protect", "first", "bucket", code=7)
    assert "`runctl protect` is not for a job of this machine" in refused.err

    receipt = runctl.json("down", "first", "--yes")
    assert (receipt["nothing_left"], receipt["stack_removed"]) == (True, True)
    assert not (runctl.folder / ".runctl" / "local").exists()
    assert runctl.processes("first") == ()
    assert runctl.metrics_of("first", result["run"]), "what was brought home stays"
    left = {each.name for each in (runctl.folder / ".runctl").iterdir()}
    assert left == {"receipts"}, "no engine, no state, no claims were made"


@pytest.mark.matrix
def test_a_running_job_is_looked_at_stopped_and_resumed(runctl: LocalRunctl) -> None:
    runctl("up", job(runctl, "held", HOLD_AT=2, STEPS=4), "--yes", "--detach")
    wait_for_line(runctl, "held", "step 2")
    running = runctl.status("held")
    assert (running["phase"], running["machine"]["state"]) == ("running", "running")
    assert any("train" in each["command"] for each in runctl.json("ps", "held")["processes"])
    found = runctl("exec", "held", "--", "echo $RUNCTL_JOB; exit 3", code=3)
    assert found.out == "held\n"
    stopped = runctl.json("stop", "held", "--yes")
    assert (stopped["how"], stopped["phase"]) == ("stopped", "stopped")
    assert runctl.processes("held") == ()
    resumed = runctl.json("resume", "held", "--yes")
    assert resumed["resumed"]
    assert runctl("logs", "--follow", "held").out.count("done") == 1
    end = runctl.status("held")
    assert (end["phase"], end["attempt"]) == ("succeeded", 2)
    assert runctl.json("checkpoint", "ls", "held")["checkpoints"]
    receipt = runctl.json("down", "held", "--yes")
    assert receipt["nothing_left"]
    assert runctl.metrics_of("held", resumed["run"])["starts"][0] == 0


@pytest.mark.matrix
def test_down_ends_a_running_job_gracefully(runctl: LocalRunctl) -> None:
    runctl("up", job(runctl, "ended", HOLD_AT=1), "--yes", "--detach")
    wait_for_line(runctl, "ended", "step 1")
    forecast = runctl.json("down", "ended", "--dry-run")
    assert {each["type"] for each in forecast["planned"]} >= {"local:job/folder:Folder"}
    receipt = runctl.json("down", "ended", "--yes")
    assert (receipt["stopped"], receipt["nothing_left"], receipt["leaked"]) == ("stopped", True, [])
    assert runctl.processes("ended") == ()


@pytest.mark.matrix
def test_secrets_are_given_and_never_written_down(runctl: LocalRunctl) -> None:
    folder = runctl.folder / "secret"
    folder.mkdir()
    file = folder / "job.yaml"
    file.write_text(
        "name: secret\nprovider: local\nsecrets: [TOKEN]\n"
        "run: |\n  echo the token is $TOKEN\n  test ${#TOKEN} = " + str(len(SECRET)) + "\n  sleep 1\n"
    )
    assert "TOKEN" in runctl("up", str(file), "--yes", code=7).err
    runctl.env["TOKEN"] = SECRET
    started = runctl("up", str(file), "--yes", "--detach")
    until(lambda: len(runctl.processes("secret")) > 1, "it runs")
    for pid in runctl.processes("secret")[:1]:
        assert SECRET.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
    logs = runctl("logs", "--follow", "secret")
    assert "the token is ***" in logs.out
    assert runctl.status("secret")["phase"] == "succeeded"
    until(lambda: runctl.agent("secret") is None, "the agent has ended")
    assert SECRET not in started.text + logs.text
    written = [path for path in runctl.folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [path for path in written if SECRET.encode() in path.read_bytes()] == []


@pytest.mark.matrix
def test_limits_end_a_job(runctl: LocalRunctl) -> None:
    folder = runctl.folder / "limited"
    folder.mkdir()
    file = folder / "job.yaml"
    file.write_text("name: limited\nprovider: local\nmax_duration: 1s\nrun: sleep 300\n")
    failed = runctl("up", str(file), "--yes", code=3)
    assert "max_duration" in failed.err
    assert runctl.status("limited")["reason"] == "max_duration"


@pytest.mark.matrix
def test_a_queued_job_begins_when_another_ends(runctl: LocalRunctl) -> None:
    runctl.env["RUNCTL_MAX_PARALLEL_JOBS"] = "1"
    runctl("up", job(runctl, "one", HOLD_AT=1), "--yes", "--detach")
    wait_for_line(runctl, "one", "step 1")
    runctl("up", job(runctl, "two"), "--yes", "--detach")
    waiting = runctl.status("two")
    assert (waiting["phase"], waiting["machine"]["state"]) == ("queued", "queued")
    assert "max_parallel_jobs" in waiting["machine"]["reason"]
    phases = {each["job"]: each["phase"] for each in runctl.json("ls")["jobs"]}
    assert phases == {"one": "running", "two": "queued"}
    runctl("stop", "one", "--yes")
    assert "done" in runctl("logs", "--follow", "two").out, "with nobody awake"


def test_more_than_this_machine_has_is_refused_before_anything_is_made(runctl: LocalRunctl) -> None:
    folder = runctl.folder / "large"
    folder.mkdir()
    file = folder / "job.yaml"
    file.write_text("name: large\nprovider: local\nresources: {gpu: 64}\nrun: 'true'\n")
    assert "64 GPUs" in runctl("up", str(file), "--yes", code=6).err
    assert not (runctl.folder / ".runctl" / "local").exists()


@pytest.mark.matrix
def test_a_job_file_alone_does_not_choose_this_machine(runctl: LocalRunctl) -> None:
    runctl.env["RUNCTL_LOCAL_ENABLED"] = "false"
    file = job(runctl, "foreign")
    assert "do not let job files choose" in runctl("up", file, "--yes", code=7).err
    assert not (runctl.folder / ".runctl" / "local").exists()
    assert runctl.json("up", file, "--yes", "--provider", "local")["phase"] == "succeeded"


class Killed:
    """Kills ``up`` or the agent of a job at a moment, and lets the next ``up`` bring it to its end."""

    def __init__(self, runctl: LocalRunctl, name: str) -> None:
        self._runctl = runctl
        self._name = name
        self._file = job(runctl, name, STEPS=12, STEP_SECONDS=0.05)

    def at(self, victim: str, seconds: float) -> Ran:
        up = self._runctl.start("up", self._file, "--yes")
        try:
            if victim != "runctl":
                until(lambda: self._runctl.agent(self._name) is not None, "there is an agent to kill")
            time.sleep(seconds)  # the moment of the kill is the case: nothing is waited for
            if victim != "agent":
                up.kill()
            if victim != "runctl":
                self._runctl.kill_agent(self._name)
        finally:
            up.kill()
            up.communicate()
        return self._runctl("--output", "json", "up", self._file, "--yes")

    def holds(self, ran: Ran) -> None:
        result = ran.json
        assert result["phase"] == "succeeded"
        told = self._runctl.metrics_of(self._name, result["run"])
        assert told["steps"] == 12
        assert told["starts"] == sorted(told["starts"])
        log = self._runctl("logs", self._name).out
        steps = [int(each) for each in re.findall(r"^step (\d+)$", log, re.MULTILINE)]
        assert set(steps) == set(range(1, 13)), "no step is missing"
        receipt = self._runctl.json("down", self._name, "--yes")
        assert receipt["nothing_left"]
        assert self._runctl.processes(self._name) == ()
        assert not (self._runctl.folder / ".runctl" / "local").exists()


def moments(count: int) -> list[tuple[str, float]]:
    chosen = random.Random(24)
    longest = {"runctl": 2.0, "agent": 0.8, "both": 0.8}
    victims = [("runctl", "agent", "both")[number % 3] for number in range(count)]
    return [(victim, chosen.uniform(0.0, longest[victim])) for victim in victims]


@pytest.mark.parametrize(("victim", "seconds"), [("both", 0.5)])
def test_whoever_is_killed_the_next_up_brings_the_job_to_its_end(
    runctl: LocalRunctl, victim: str, seconds: float
) -> None:
    killed = Killed(runctl, "killed")
    killed.holds(killed.at(victim, seconds))


@pytest.mark.matrix
@pytest.mark.parametrize(("victim", "seconds"), moments(20))
def test_twenty_moments(runctl: LocalRunctl, victim: str, seconds: float) -> None:
    killed = Killed(runctl, "killed")
    killed.holds(killed.at(victim, seconds))


@pytest.mark.matrix
def test_down_that_is_killed_is_finished_by_the_next(runctl: LocalRunctl) -> None:
    chosen = random.Random(7)
    for _ in range(6):
        runctl("up", job(runctl, "gone", HOLD_AT=1), "--yes", "--detach")
        down = runctl.start("down", "gone", "--yes")
        time.sleep(chosen.uniform(0.1, 1.5))
        down.kill()
        down.communicate()
        if runctl.job_folder("gone").path.parent.parent.exists():
            runctl("down", "gone", "--yes", code=None)
        assert runctl.processes("gone") == ()
        assert not (runctl.folder / ".runctl" / "local" / "jobs" / "gone").exists()


@pytest.mark.matrix
def test_twenty_jobs_on_two_slots_end_in_order(runctl: LocalRunctl) -> None:
    runctl.env["RUNCTL_MAX_PARALLEL_JOBS"] = "2"
    names = [f"job-{number:02}" for number in range(20)]
    for name in names:
        folder = runctl.folder / name
        folder.mkdir()
        (folder / "job.yaml").write_text(f"name: {name}\nprovider: local\nrun: sleep 1\n")
        runctl("up", str(folder / "job.yaml"), "--yes", "--detach")
    until(lambda: all(_ended(runctl, name) for name in names), "all have ended", seconds=300)
    statuses = [runctl.status(name) for name in names]
    assert {each["phase"] for each in statuses} == {"succeeded"}
    began = [each["started_at"] for each in statuses]
    assert began == sorted(began)
    spans = sorted((each["started_at"], each["ended_at"]) for each in statuses)
    for index, (start, _) in enumerate(spans):
        assert sum(other_start <= start < other_end for other_start, other_end in spans[:index]) <= 1


def _ended(runctl: LocalRunctl, name: str) -> bool:
    folder = runctl.job_folder(name)
    return any(b'"ended_at": "' in each.read_bytes() for each in folder.store.glob("runs/*/status.json"))


@pytest.mark.matrix
def test_nothing_of_a_cloud_or_an_engine_is_imported(runctl: LocalRunctl) -> None:
    file = job(runctl, "light")
    runctl.env["PYTHONPROFILEIMPORTTIME"] = "1"
    told = runctl("up", file, "--yes").err
    more = "".join(runctl(verb, "light").err for verb in ("status", "describe"))
    del runctl.env["PYTHONPROFILEIMPORTTIME"]
    imported = set(re.findall(r"\|\s+([\w.]+)$", told + more, re.MULTILINE))
    assert imported, "the imports are told"
    assert not {
        each for each in imported if each.split(".")[0] in ("pulumi", "pulumi_aws", "boto3", "botocore")
    }


def test_verbs_about_all_jobs_know_those_of_this_machine(runctl: LocalRunctl) -> None:
    for name in ("one", "two"):
        runctl("up", job(runctl, name, STEPS=2000), "--yes", "--detach")
    until(lambda: {runctl.status(each)["phase"] for each in ("one", "two")} == {"running"}, "both run")
    rows = [line.split(",")[:2] for line in runctl("ls", "--csv").out.split()[1:]]
    assert rows == [["one", "running"], ["two", "running"]]
    runctl("exporter", "textfile", str(runctl.folder))
    assert 'runctl_run_active{job_name="two"} 1' in (runctl.folder / "runctl.prom").read_text()
    wait_for_line(runctl, "one", "step 1")
    runctl("dashboard", "--export", str(runctl.folder / "pages"), "--no-leaks")
    assert "step 1" in (runctl.folder / "pages" / "job-one.html").read_text()
    assert "within 1 s" in runctl("wait", "one", "--timeout", "1s", code=1).err
    stopped = runctl.json("stop", "--all", "--yes")
    assert [each["result"]["phase"] for each in stopped["jobs"]] == ["stopped", "stopped"]
    runctl("wait", "one", code=3)
    ended = runctl.json("down", "--all", "--yes")
    assert [each["ended"] for each in ended["jobs"]] == [True, True]
    assert (runctl.processes("one"), runctl.processes("two")) == ((), ())

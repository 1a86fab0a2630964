"""User data run by bash, the agent as its own process, a bucket over HTTP: whole runs, boot to halt."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from runctl_auto.agent.job.processes import ProcProcessTable
from runctl_auto.agent.keys import (
    artifacts_prefix,
    checkpoint_prefix,
    file_key,
    lineage_prefix,
    logs_prefix,
    manifest_key,
    spec_key,
    status_key,
    stop_key,
)

if TYPE_CHECKING:
    from conftest import Machine

pytestmark = pytest.mark.sandbox

RUN = "0123456789"
BUCKET = "runctl-demo-artifacts-00000000"
ARTIFACTS = artifacts_prefix(RUN)
COUNT = """
saved=$RUNCTL_CHECKPOINT_DIR/n
save() { echo "$n" >"$saved.part" && mv "$saved.part" "$saved"; }
trap 'echo saving; save; exit 0' TERM
n=$(cat "$saved" 2>/dev/null || echo 0)
echo "starting at $n"
while [ "$n" -lt "${STEPS:-1000}" ]; do
  n=$((n + 1))
  save
  echo "step $n"
  sleep 0.1
done
mkdir -p model && echo "$n" >model/result
"""


def test_a_run_trains_reports_and_ends_the_machine(machine: Machine) -> None:
    machine.provide(
        {"count.sh": COUNT},
        setup="echo setting up; echo done >setup.txt",
        command="test -f setup.txt; bash count.sh; echo kept >$RUNCTL_OUTPUT_DIR/note",
        env={"STEPS": "8"},
        artifacts={"paths": ["model/"]},
    )
    booted = machine.boot()
    assert booted.returncode == 0, booted.stdout + booted.stderr
    status = machine.wait_until_halted()

    assert (status["phase"], status["reason"], status["exit_code"]) == ("succeeded", "completed", 0)
    assert status["instance"] == "i-0123456789abcdef0"
    assert set(status["phases"]) == {"boot", "fetch", "setup", "run", "upload"}
    assert status["checkpoints"]["count"] >= 1
    assert "setting up" in machine.logs()
    assert "step 8\n" in machine.logs()
    manifest = json.loads(machine.read(manifest_key(ARTIFACTS)))
    assert {file["path"] for file in manifest["files"]} == {"model/result", "output/note"}
    for file in manifest["files"]:
        data = machine.read(file_key(ARTIFACTS, file["path"]))
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file["bytes"], file["sha256"])
    last = status["checkpoints"]["last"]
    assert machine.read(file_key(checkpoint_prefix(RUN, last), "n")) == b"8\n"
    assert len({key.split("/")[2] for key in machine.keys(lineage_prefix(RUN))}) <= 2
    assert "systemctl enable --now runctl-deadline.timer" in machine.calls()
    assert machine.calls()[-1] == "shutdown -h now"


def test_a_failing_command_ends_with_its_code_and_its_last_words(machine: Machine) -> None:
    machine.provide({}, command="echo working; echo 'no such layer' >&2; exit 7")
    machine.boot()
    status = machine.wait_until_halted()
    assert (status["phase"], status["reason"], status["exit_code"]) == ("failed", "command_failed", 7)
    assert "no such layer" in machine.logs()


def test_a_failing_setup_is_told_apart(machine: Machine) -> None:
    machine.provide({}, setup="false; echo not reached", command="echo never")
    machine.boot()
    status = machine.wait_until_halted()
    assert (status["phase"], status["reason"], status["exit_code"]) == ("failed", "setup_failed", 1)
    assert "not reached" not in machine.logs()


def test_a_failed_command_is_tried_again_and_a_recommendation_to_leave_saves_a_checkpoint(
    machine: Machine,
) -> None:
    command = """
    n=$(cat tries 2>/dev/null || echo 0); echo $((n + 1)) >tries
    echo "state $n" >checkpoints/state
    [ "$n" != 0 ] || exit 3
    while [ ! -e go ]; do sleep 0.1; done
    """
    checkpoints = {"path": "checkpoints", "every_seconds": 3600, "keep": 3}
    machine.provide({}, command=command, checkpoints=checkpoints, retry={"max_attempts": 2})
    machine.boot()
    machine.wait_for(lambda: "try 1 of 2 failed: the command ended with exit code 3" in machine.logs())
    work = machine.root / f"var/lib/runctl/runs/{RUN}/work"
    machine.wait_for(lambda: (work / "tries").read_text() == "2\n")
    machine.metadata.rebalance = '{"noticeTime": "2026-11-30T10:00:00Z"}'
    machine.wait_for(lambda: "(rebalance recommendation): checkpoint 00000001 is saved" in machine.logs())
    assert machine.read(file_key(checkpoint_prefix(RUN, "00000001"), "state")) == b"state 1\n"
    (work / "go").touch()
    status = machine.wait_until_halted()
    assert (status["phase"], status["exit_code"]) == ("succeeded", 0)
    assert [(each["number"], each["exit_code"]) for each in status["tries"]] == [(1, 3)]


def test_after_an_interruption_another_machine_goes_on(new_machine: Callable[..., Machine]) -> None:
    first = new_machine()
    first.provide({"count.sh": COUNT}, command="exec bash count.sh")
    first.boot()
    first.wait_for(lambda: first.status().get("checkpoints", {}).get("count", 0) >= 1)
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 120))
    first.metadata.notice = {"action": "terminate", "time": soon}
    status = first.wait_until_halted()
    assert (status["phase"], status["reason"], status["ended_at"]) == ("interrupted", "interruption", None)
    saved = int(first.read(file_key(checkpoint_prefix(RUN, status["checkpoints"]["last"]), "n")))

    second = new_machine()
    second.provide({"count.sh": COUNT}, command="exec bash count.sh", env={"STEPS": str(saved + 3)})
    second.boot()
    after = second.wait_until_halted()
    assert (after["phase"], after["resumed_from"]) == ("succeeded", status["checkpoints"]["last"])
    assert after["started_at"] == status["started_at"]
    assert after["log_parts"] > status["log_parts"]
    assert f"starting at {saved}\n" in second.logs()
    assert "starting at 0\n" in second.logs(), "what the first machine said stays"


def test_a_killed_agent_comes_back_and_goes_on(machine: Machine) -> None:
    machine.provide({"count.sh": COUNT}, command="exec bash count.sh", env={"STEPS": "40"})
    machine.boot()
    machine.wait_for(lambda: machine.status().get("checkpoints", {}).get("count", 0) >= 1)
    job = json.loads((machine.root / f"var/lib/runctl/runs/{RUN}/job.json").read_text())["pid"]
    os.kill(machine.agent_pid(), signal.SIGKILL)
    status = machine.wait_until_halted()
    assert status["phase"] == "succeeded"
    assert status["resumed_from"] is not None
    assert "ended the job that an earlier agent left running" in machine.logs()
    steps = [line for line in machine.logs().splitlines() if line.startswith("step ")]
    assert steps[-1] == "step 40"
    with pytest.raises(ProcessLookupError):
        os.kill(job, 0)


def test_a_wish_to_stop_is_followed(machine: Machine) -> None:
    machine.provide({"count.sh": COUNT}, command="exec bash count.sh")
    machine.boot()
    machine.wait_for(lambda: machine.status().get("phase") == "running")
    wish = json.dumps({"reason": "down", "grace_seconds": 10, "at": "2026-01-01T00:00:00Z"})
    machine.s3.put_object(Bucket=BUCKET, Key=stop_key(RUN), Body=wish)
    status = machine.wait_until_halted()
    assert (status["phase"], status["reason"]) == ("stopped", "down")
    assert "saving" in machine.logs()
    assert status["checkpoints"]["last"] is not None


def test_a_run_that_has_ended_is_not_run_again(machine: Machine) -> None:
    machine.provide({}, command="echo again")
    ended = {"schema": 1, "phase": "succeeded", "reason": "completed"}
    machine.s3.put_object(Bucket=BUCKET, Key=status_key(RUN), Body=json.dumps(ended))
    machine.boot()
    assert machine.wait_until_halted() == ended
    assert machine.keys(logs_prefix(RUN)) == []


def test_a_volume_is_formatted_mounted_and_unmounted(machine: Machine) -> None:
    device = machine.root / "dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0abc"
    device.parent.mkdir(parents=True)
    device.touch()
    mount = machine.root / "data"
    machine.provide(
        {},
        command='test "$RUNCTL_DATA_DIR" = "$RUNCTL_VOLUME_DATA"; echo "volume at $RUNCTL_VOLUME_DATA"',
        volumes=[{"name": "data", "id": "vol-0abc", "mount": "/data"}],
    )
    machine.boot()
    assert machine.wait_until_halted()["phase"] == "succeeded"
    assert f"volume at {mount}\n" in machine.logs()
    volume_calls = [call for call in machine.calls() if call.split()[0] not in ("systemctl", "shutdown")]
    assert volume_calls == [
        f"blkid -p {device}",
        f"mkfs.ext4 -q {device}",
        f"mount {device} {mount}",
        f"umount {mount}",
    ]


def test_a_machine_whose_agent_is_not_the_one_asked_for_ends_and_says_why(machine: Machine) -> None:
    machine.provide({})
    real_put = machine.s3.put_object
    machine.s3.put_object = lambda **request: real_put(**{**request, "Body": b"something else"})
    booted = machine.boot()
    assert booted.returncode != 0
    assert b"expected" in booted.stdout
    status = machine.status()
    assert (status["phase"], status["reason"]) == ("failed", "agent_error")
    assert machine.calls() == ["shutdown -h now"]


def test_a_machine_runs_no_other_spec_than_the_one_it_was_started_for(machine: Machine) -> None:
    machine.provide({}, command="echo expected")
    forged = json.dumps({**machine.spec, "command": "echo forged"})
    machine.s3.put_object(Bucket=BUCKET, Key=spec_key(RUN), Body=forged)
    machine.boot()
    status = machine.wait_until_halted()
    assert (status["phase"], status["reason"]) == ("failed", "agent_error")
    assert re.match(r"spec\.json has the digest \w+, this machine was started for \w+", status["message"])
    assert "forged" not in machine.logs()


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"max_duration_seconds": 1}, "max_duration"),
        pytest.param({"budget": 0.001, "price_hour": 3.6}, "budget", marks=pytest.mark.matrix),
        pytest.param({"idle_duration_seconds": 3}, "idle_duration", marks=pytest.mark.matrix),
    ],
    ids=["max_duration", "budget", "idle_duration"],
)
def test_a_limit_stops_the_job(machine: Machine, limits: dict[str, float], reason: str) -> None:
    command = (
        "exec bash count.sh"
        if reason != "idle_duration"
        else "trap 'exit 143' TERM; while :; do sleep 1; done"
    )
    machine.provide({"count.sh": COUNT}, command=command, limits=limits)
    machine.boot()
    status = machine.wait_until_halted()
    assert (status["phase"], status["reason"]) == ("stopped", reason)


def test_an_agent_that_the_system_stops_saves_and_leaves_the_machine_to_it(machine: Machine) -> None:
    machine.provide({"count.sh": COUNT}, command="exec bash count.sh")
    machine.boot()
    machine.wait_for(lambda: machine.status().get("phase") == "running")
    os.kill(machine.agent_pid(), signal.SIGTERM)
    machine.wait_for(lambda: machine.status().get("phase") == "interrupted")
    assert machine.status()["checkpoints"]["last"] is not None
    assert "saving" in machine.logs()
    assert "shutdown -h now" not in machine.calls()


def test_a_job_that_ignores_the_wish_to_stop_is_killed_with_all_it_started(machine: Machine) -> None:
    stubborn = "trap '' TERM; sh -c \"trap '' TERM; sleep 300\" & echo started; while :; do sleep 1; done"
    machine.provide({}, command=stubborn)
    machine.boot()
    machine.wait_for(lambda: "started" in machine.logs())
    job = json.loads((machine.root / f"var/lib/runctl/runs/{RUN}/job.json").read_text())["pid"]
    wish = json.dumps({"reason": "user", "grace_seconds": 1})
    machine.s3.put_object(Bucket=BUCKET, Key=stop_key(RUN), Body=wish)
    status = machine.wait_until_halted()
    assert (status["phase"], status["exit_code"]) == ("stopped", 137)
    processes = ProcProcessTable().processes().values()
    assert [each for each in processes if each.session == job and not each.is_zombie] == []


def test_a_large_file_survives_in_parts(machine: Machine) -> None:
    machine.provide(
        {}, command="mkdir model; head -c 70000000 /dev/urandom >model/big", artifacts={"paths": ["model/"]}
    )
    machine.boot()
    status = machine.wait_until_halted()
    assert (status["phase"], status["artifacts"]["bytes"]) == ("succeeded", 70_000_000)
    (file,) = json.loads(machine.read(manifest_key(ARTIFACTS)))["files"]
    found = machine.s3.get_object(Bucket=BUCKET, Key=file_key(ARTIFACTS, "model/big"))
    assert hashlib.sha256(found["Body"].read()).hexdigest() == file["sha256"]
    parts = found["ETag"].strip('"').partition("-")[2]
    assert int(parts) > 1, "went up in parts"

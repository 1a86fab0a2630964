"""How runs of people's jobs end: a machine ended by hand, a limit, an interruption in setup, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.cloud_scanner import leaks
from support.emulated_cloud import client
from support.machine_events import interrupt
from support.runctl_cli import Runctl

pytestmark = pytest.mark.sandbox

SAVES_ONCE = """
echo start
if [ -e ck/a ]; then echo resumed; exit 0; fi
echo 1 > ck/a
for i in $(seq 600); do sleep 0.2; echo "beat $i"; done
"""
SAVES_WHEN_TOLD = """
trap 'echo half > model.txt; echo "saved, leaving"; exit 0' TERM
echo started
while true; do sleep 0.2; done
"""
KILLED = """
(exit 200) || echo "inner $?"
python3 -c "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
"""


def write(folder: Path, name: str, run: str, **changes: Any) -> Path:
    work = folder / f"{name}-work"
    (work / "ck").mkdir(parents=True, exist_ok=True)
    (work / "ck" / ".keep").touch()
    job = {
        "name": name,
        "region": "us-east-1",
        "workdir": work.name,
        "resources": {"instance_types": ["m5.large"], "disk": "20GB"},
        "max_duration": "10m",
        "spot_policy": "spot",
        "run": run,
        **changes,
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(job))
    return path


def up_to(runctl: Runctl, file: Path, text: str) -> Any:
    """`up`, once it has told ``text`` on stdout or stderr."""
    process = runctl.start("up", str(file), "--yes")
    assert process.stdout is not None
    assert process.stderr is not None
    stream = process.stderr if text == "setup runs" else process.stdout
    for line in stream:
        if text in line:
            return process
    pytest.fail(f"it never said {text!r}: {process.communicate()}")


@pytest.mark.matrix
def test_a_machine_that_was_ended_by_hand_is_replaced(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    ended.append("by-hand")
    file = write(runctl.folder, "by-hand", SAVES_ONCE, checkpoints={"path": "ck", "every": "1s"})
    process = up_to(runctl, file, "beat 15")
    machine = runctl.json("outputs", "by-hand")["instanceId"]
    client(cloud_url, "ec2").terminate_instances(InstanceIds=[machine])
    out, err = process.communicate(timeout=150)
    assert process.returncode == 0, out + err
    assert "resumed" in out
    assert f"machine {machine} is lost" in err
    assert runctl.json("down", "by-hand", "--yes")["nothing_left"]
    assert leaks("by-hand", cloud_url) == []


@pytest.mark.matrix
def test_a_limit_is_a_reason_of_its_own(runctl: Runctl, ended: list[str]) -> None:
    ended.append("limited")
    file = write(
        runctl.folder, "limited", SAVES_WHEN_TOLD, max_duration="12s", artifacts={"paths": ["model.txt"]}
    )
    error = runctl.json("up", str(file), "--yes", code=3)["error"]
    assert error["where"]["reason"] == "max_duration"
    (home,) = (runctl.folder / "runs" / "limited").iterdir()
    assert (home / "model.txt").read_text() == "half\n"
    assert "saved, leaving" in runctl("logs", "limited").out


@pytest.mark.matrix
def test_an_interruption_in_setup_begins_it_again(runctl: Runctl, cloud_url: str, ended: list[str]) -> None:
    ended.append("in-setup")
    setup = "echo setup begins; for i in $(seq 60); do sleep 0.1; done; echo setup done"
    file = write(runctl.folder, "in-setup", "echo trained", setup=setup)
    process = up_to(runctl, file, "setup begins")
    machine = runctl.json("outputs", "in-setup")["instanceId"]
    interrupt(cloud_url, machine, notice_seconds=1)
    out, err = process.communicate(timeout=150)
    assert process.returncode == 0, out + err
    assert out.count("setup begins") == 1, "the first was read before"
    assert out.count("setup done") == 1
    assert "trained" in out


@pytest.mark.matrix
def test_a_killed_program_is_explained(runctl: Runctl, ended: list[str]) -> None:
    ended.append("killed")
    error = runctl.json("up", str(write(runctl.folder, "killed", KILLED)), "--yes", code=3)["error"]
    assert error["training_exit_code"] == 137
    assert "SIGKILL" in error["what"]
    assert "memory" in error["what"]
    assert "inner 200" in runctl("logs", "killed").out
    assert json.dumps(error)

"""The end of `run` with the real agent: what still runs then is named, waited for, ended, or a failed run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from runctl_auto.agent.job.processes import ProcProcessTable

if TYPE_CHECKING:
    from conftest import Machine

pytestmark = pytest.mark.sandbox

STEPS = """
import sys, time
for step in range(int(sys.argv[1])):
    end = time.time() + 0.2
    while time.time() < end:
        sum(range(1000))
    print("step", step, flush=True)
open("model.txt", "w").write("done")
sys.exit(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
"""
SERVICE = """
import http.server, pathlib
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
pathlib.Path("port").write_text(str(server.server_port))
server.serve_forever()
"""
ASK = """
import pathlib, urllib.request
port = pathlib.Path("port").read_text()
print("the service says", urllib.request.urlopen(f"http://127.0.0.1:{port}/ask.py").status)
"""
FILES = {"steps.py": STEPS, "service.py": SERVICE, "ask.py": ASK}
START_SERVICE = "nohup python3 service.py >service.log 2>&1 &\nuntil [ -s port ]; do sleep 0.1; done"
LAUNCHES = {
    "nohup": "nohup python3 steps.py 1000 >train.log &\nsleep 1",
    "ampersand": "python3 steps.py 1000 &",
    "a session of its own": "setsid python3 steps.py 1000 >train.log 2>&1 &\nsleep 1",
    "a daemon": "(setsid sh -c 'python3 steps.py 1000' >train.log 2>&1 </dev/null &)\nsleep 1",
    "disowned": "python3 steps.py 1000 &\ndisown\nsleep 1",
}


def end(machine: Machine, command: str, **spec: Any) -> dict[str, Any]:
    machine.provide(FILES, command=command, artifacts={"paths": ["model.txt"]}, **spec)
    machine.boot()
    machine.wait_for((machine.stubs / "halted").exists, seconds=90)
    return machine.status()


def running(text: str, folder: str) -> list[int]:
    """Living processes of this machine with `text` in their command."""
    table = ProcProcessTable()
    return [
        pid
        for pid, process in table.processes().items()
        if not process.is_zombie and text in table.command(pid) and folder in working_folder(pid)
    ]


def working_folder(pid: int) -> str:
    try:
        return str((ProcProcessTable().proc / str(pid) / "cwd").readlink())
    except OSError:
        return ""


@pytest.mark.parametrize(
    "name",
    [name if name == "nohup" else pytest.param(name, marks=pytest.mark.matrix) for name in LAUNCHES],
)
def test_training_that_run_leaves_at_work_is_a_failed_run(machine: Machine, name: str) -> None:
    status = end(machine, LAUNCHES[name])
    assert (status["phase"], status["reason"]) == ("failed", "left_processes")
    assert "python3 steps.py 1000" in status["message"]
    assert "python3 steps.py 1000" in machine.logs()
    assert running("steps.py", str(machine.root)) == []


def test_an_idle_helper_is_ended_and_named_and_the_run_has_succeeded(machine: Machine) -> None:
    status = end(machine, "python3 service.py >board.log 2>&1 &\npython3 steps.py 2")
    assert (status["phase"], status["exit_code"], status["artifacts"]["files"]) == ("succeeded", 0, 1)
    assert "were ended: `python3 service.py`" in status["message"]
    assert "`python3 service.py`" in machine.logs()
    assert running("service.py", str(machine.root)) == []


def test_wait_lets_the_training_come_to_its_end(machine: Machine) -> None:
    command = "(until [ -e go ]; do sleep 0.1; done; echo done >model.txt) &"
    machine.provide({}, command=command, background="wait", artifacts={"paths": ["model.txt"]})
    machine.boot()
    machine.wait_for(lambda: "waiting for processes" in machine.logs())
    (machine.root / "var/lib/runctl/runs/0123456789/work/go").touch()
    status = machine.wait_until_halted()
    assert (status["phase"], status["artifacts"]["files"]) == ("succeeded", 1)


@pytest.mark.matrix
@pytest.mark.parametrize("steps", [1, 25])
def test_wait_tells_the_failure_of_what_it_waited_for(machine: Machine, steps: int) -> None:
    status = end(machine, f"(sleep 1; exec python3 steps.py {steps} 9) &", background="wait")
    assert (status["phase"], status["reason"], status["exit_code"]) == ("failed", "command_failed", 9)


@pytest.mark.matrix
def test_a_limit_ends_the_wait(machine: Machine) -> None:
    status = end(machine, "python3 steps.py 1000 &", background="wait", limits={"max_duration_seconds": 6})
    assert (status["phase"], status["reason"]) == ("stopped", "max_duration")
    assert running("steps.py", str(machine.root)) == []


@pytest.mark.matrix
def test_stop_ends_it_and_the_run_has_succeeded(machine: Machine) -> None:
    status = end(machine, "python3 steps.py 1000 &", background="stop")
    assert status["phase"] == "succeeded"
    assert "python3 steps.py 1000" in status["message"]


def test_nothing_left_ends_at_once_and_says_nothing(machine: Machine) -> None:
    status = end(machine, "exec > >(tee out.log) 2>&1\npython3 steps.py 2 &\nwait $!; echo over")
    assert (status["phase"], status["message"]) == ("succeeded", None)
    assert "over\n" in machine.logs()


def test_a_service_of_setup_lives_until_the_job_ends(machine: Machine) -> None:
    status = end(machine, "python3 ask.py", setup=START_SERVICE)
    assert status["phase"] == "succeeded", machine.logs()
    assert "the service says 200" in machine.logs()
    assert "setup has left running, until the job ends: `python3 service.py`" in machine.logs()
    assert running("service.py", str(machine.root)) == []


@pytest.mark.matrix
def test_a_service_is_there_again_after_a_restart_of_the_agent(machine: Machine) -> None:
    machine.provide(
        FILES, setup=START_SERVICE, command="rm -f go\nuntil [ -e go ]; do sleep 0.1; done\npython3 ask.py"
    )
    machine.boot()
    machine.wait_for(lambda: machine.status().get("phase") == "running")
    agent = machine.agent_pid()
    ProcProcessTable().signal(agent, 9)
    machine.wait_for(lambda: "ended the job that an earlier agent left running" in machine.logs(), seconds=60)
    machine.wait_for(lambda: machine.status().get("phase") == "running", seconds=60)
    work = machine.root / "var/lib/runctl/runs/0123456789/work"
    give_up = time.monotonic() + 60
    while not (machine.stubs / "halted").exists():
        assert time.monotonic() < give_up, machine.logs()
        (work / "go").touch()
        time.sleep(0.2)
    assert machine.status()["phase"] == "succeeded", machine.logs()

"""Which processes are the job, with the real agent: who is told to stop first, and who is at work."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from runctl_auto.agent.keys import checkpoint_prefix, file_key, stop_key

if TYPE_CHECKING:
    from conftest import Machine

pytestmark = pytest.mark.sandbox

RUN = "0123456789"
BUCKET = "runctl-demo-artifacts-00000000"
TRAINER = """
import os, pathlib, signal, sys, time
saved = pathlib.Path(os.environ["RUNCTL_CHECKPOINT_DIR"]) / "state"
asked = []
signal.signal(signal.SIGTERM, lambda *_: os._exit(9) if asked else asked.append(1))
step = 0
while not asked:
    step += 1
    print("step", step, flush=True)
    time.sleep(0.1)
print("asked to stop", flush=True)
time.sleep(float(os.environ.get("SAVING", "0.5")))
saved.with_suffix(".part").write_text("saved on SIGTERM")
saved.with_suffix(".part").rename(saved)
print("saved", flush=True)
sys.exit(143)
"""
LAUNCHER = """
import subprocess, sys
worker = subprocess.Popen([sys.executable, "train.py"], start_new_session=True, stdout=subprocess.PIPE)
for line in worker.stdout:
    print("worker:", line.decode().strip(), flush=True)
sys.exit(worker.wait())
"""
FORWARDING = """
import signal, subprocess, sys
worker = subprocess.Popen([sys.executable, "train.py"], start_new_session=True)
signal.signal(signal.SIGTERM, lambda *_: worker.terminate())
sys.exit(worker.wait())
"""
DEAF = """
import signal, subprocess, sys
worker = subprocess.Popen([sys.executable, "train.py"], start_new_session=True)
signal.signal(signal.SIGTERM, lambda *_: print("not passed on", flush=True))
sys.exit(worker.wait())
"""
LOADERS = """
import multiprocessing, os, pathlib, signal, sys, time

def load(queue):
    while True:
        queue.put(1)

def train():
    context = multiprocessing.get_context(sys.argv[1])
    queue = context.Queue(2)
    workers = [context.Process(target=load, args=(queue,), daemon=True) for _ in range(2)]
    for worker in workers:
        worker.start()
    asked = []
    signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
    print("step 1", flush=True)
    while not asked:
        queue.get()
    for _ in range(200):
        queue.get(timeout=5)
    if not all(worker.is_alive() for worker in workers):
        sys.exit("a worker has died")
    pathlib.Path(os.environ["RUNCTL_CHECKPOINT_DIR"], "state").write_text("saved on SIGTERM")
    print("saved", flush=True)
    sys.exit(143)

if __name__ == "__main__":
    train()
"""
WORK = "import time; end = time.time() + 9\nwhile time.time() < end: sum(range(10000))\nprint('worked')"
WORKER = f"[sys.executable, '-c', {WORK!r}]"
FILES = {
    "train.py": TRAINER,
    "launcher.py": LAUNCHER,
    "forwarding.py": FORWARDING,
    "deaf.py": DEAF,
    "loaders.py": LOADERS,
    "inner.sh": "python3 train.py; :\n",
    "outer.sh": "bash inner.sh; :\n",
}
IN_SHORT = ("piped to tee", "worker in its own session", "forked loaders", "with a trap in the script")
COMMANDS = {
    "piped to tee": "python3 train.py 2>&1 | tee train.log",
    "piped through two filters": "python3 train.py | grep --line-buffered . | tee train.log",
    "output to a process": "exec > >(tee train.log) 2>&1\npython3 train.py",
    "worker in its own session": "python3 launcher.py",
    "worker of a launcher that passes signals on": "python3 forwarding.py",
    "worker of a launcher that keeps signals": "python3 deaf.py",
    "forked loaders": "python3 loaders.py fork",
    "spawned loaders": "python3 loaders.py spawn",
    "in the background": "python3 train.py &\nwait",
    "with a helper in the background": "python3 -c 'import time; time.sleep(300)' &\npython3 train.py",
    "in a script in a script": "bash outer.sh; :",
    "with a trap that passes signals on": (
        "trap 'kill -TERM $trainer; wait $trainer; exit 143' TERM\n"
        "python3 train.py & trainer=$!\nwait $trainer"
    ),
    "with a trap that keeps signals": "trap 'echo trapped' TERM\npython3 train.py &\nwait",
    "with a trap in the script": "trap 'echo trapped' TERM\npython3 train.py",
}


def stop(machine: Machine, **wish: Any) -> dict[str, Any]:
    """Asks for the run's stop as `runctl down` does."""
    text = json.dumps({"reason": "down", "at": "2026-01-01T00:00:00Z", **wish})
    machine.s3.put_object(Bucket=BUCKET, Key=stop_key(RUN), Body=text)
    return machine.wait_until_halted()


def saved(machine: Machine, status: dict[str, Any]) -> bytes:
    return machine.read(file_key(checkpoint_prefix(RUN, status["checkpoints"]["last"]), "state"))


@pytest.mark.parametrize(
    "name",
    [name if name in IN_SHORT else pytest.param(name, marks=pytest.mark.matrix) for name in COMMANDS],
)
def test_the_command_saves_when_it_is_stopped(machine: Machine, name: str) -> None:
    machine.provide(FILES, command=COMMANDS[name])
    machine.boot()
    machine.wait_for(lambda: "step 1" in machine.logs())
    status = stop(machine, grace_seconds=12)
    assert "saved\n" in machine.logs()
    assert saved(machine, status) == b"saved on SIGTERM"
    assert (status["phase"], status["reason"]) == ("stopped", "down")
    assert status["message"].endswith(f"checkpoint {status['checkpoints']['last']} is saved")


def test_a_notice_reaches_a_worker_in_its_own_session(machine: Machine) -> None:
    machine.provide(FILES, command="python3 launcher.py")
    machine.boot()
    machine.wait_for(lambda: "step 1" in machine.logs())
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 14))
    machine.metadata.notice = {"action": "terminate", "time": soon}
    status = machine.wait_until_halted()
    assert status["phase"] == "interrupted"
    assert saved(machine, status) == b"saved on SIGTERM"
    assert "is saved" in status["message"]


def test_a_limit_stops_a_pipeline_from_its_start(machine: Machine) -> None:
    machine.provide(
        FILES, command="python3 train.py 2>&1 | tee train.log", limits={"max_duration_seconds": 3}
    )
    machine.boot()
    status = machine.wait_until_halted()
    assert (status["phase"], status["reason"]) == ("stopped", "max_duration")
    assert saved(machine, status) == b"saved on SIGTERM"


def test_without_a_checkpoint_none_is_called_saved(machine: Machine) -> None:
    machine.provide({}, command="echo begun; exec sleep 300")
    machine.boot()
    machine.wait_for(lambda: "begun" in machine.logs())
    status = stop(machine)
    assert status["message"] == "stopped on request (down); no checkpoint is saved"
    assert "] no checkpoint is saved" in machine.logs()


def test_a_process_that_left_its_session_and_its_parent_ends_with_the_job(machine: Machine) -> None:
    away = "import os, signal, time; signal.signal(15, signal.SIG_IGN); print('pid', os.getpid(), flush=True)"
    machine.provide(
        {"away.py": f"{away}\ntime.sleep(300)\n"},
        command="(setsid python3 away.py &)\nexec sleep 300",
    )
    machine.boot()
    machine.wait_for(lambda: "pid" in machine.logs())
    pid = next(line.split()[1] for line in machine.logs().splitlines() if line.startswith("pid"))
    assert stop(machine, grace_seconds=2)["phase"] == "stopped"
    machine.wait_for(lambda: not is_alive(pid))


def is_alive(pid: str) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_worker_at_work_in_its_own_session_is_not_idle(machine: Machine) -> None:
    launch = f"import subprocess, sys\nsys.exit(subprocess.call({WORKER}, start_new_session=True))"
    machine.provide({"launch.py": launch}, command="python3 launch.py", limits={"idle_duration_seconds": 4})
    machine.boot()
    status = machine.wait_until_halted()
    assert status["phase"] == "succeeded", machine.logs()
    assert "worked" in machine.logs()


def test_an_orphan_at_work_is_not_idle_and_a_quiet_tree_is(machine: Machine) -> None:
    machine.provide(
        {"work.py": WORK},
        command="(setsid python3 work.py &)\nsleep 300",
        limits={"idle_duration_seconds": 4},
    )
    machine.boot()
    status = machine.wait_until_halted()
    assert (status["phase"], status["reason"]) == ("stopped", "idle_duration")
    assert "worked" in machine.logs()

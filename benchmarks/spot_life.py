"""The life of a spot machine in a warm sandbox: from a notice to the complete checkpoint, and from a
lost machine until the run trains again.

A job with a checkpoint of 32 MB is interrupted with a notice of 60 s, and loses its machine without one: with
`recovery: runctl`, where `runctl watch` makes the next machine, and with `recovery: cloud`, where the cloud
does and no runctl is alive. Training and setup tell the time in the run's log, the agent in its status, the
cloud in its history of machines: all by one clock.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from benchmarks.command_line import RUNCTL, ask, run
from runctl_auto.engine.environment import control_sandbox
from runctl_auto.local.project import ProjectFolders

CHECKPOINT_MB = 32
NOTICE_SECONDS = 60
SAVED_BAR, AGAIN_BAR = 5.0, 45.0
PATIENCE_SECONDS = 600.0
POLL_SECONDS = 2.0
TRAIN = f"""
import os, signal, time
from pathlib import Path

state = Path(os.environ["RUNCTL_CHECKPOINT_DIR"], "state.bin")
state.parent.mkdir(parents=True, exist_ok=True)


def tell(what):
    print("BENCH", what, f"{{time.time():.3f}}", flush=True)


def save():
    part = state.with_suffix(".tmp")
    part.write_bytes(os.urandom({CHECKPOINT_MB} << 20))
    part.rename(state)


stop = []
signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
tell("training")
if not state.exists():
    save()
while not stop:
    time.sleep(0.01)
tell("told")
save()
tell("saved")
raise SystemExit(143)
"""
SETUP = 'echo "BENCH setup $(date +%s.%N)"; python3 -m venv .venv; echo "BENCH set-up $(date +%s.%N)"'
_LINE = re.compile(r"^BENCH (\S+) ([0-9.]+)$", re.MULTILINE)


@dataclass
class Seconds:
    """What each round took, by name, in the order in which they are told."""

    taken: dict[str, list[float]] = field(default_factory=dict)

    def add(self, **seconds: float) -> None:
        for name, each in seconds.items():
            self.taken.setdefault(name, []).append(each)

    def tell(self, what: str, bar: str) -> None:
        for name, each in self.taken.items():
            listed = ", ".join(f"{one:.1f}" for one in each)
            print(f"  {what}: {name:9} {median(each):6.1f} s ({listed})", flush=True)
        print(f"  {what}: {bar}", flush=True)

    def median(self, *names: str) -> float:
        rounds = zip(*(self.taken[name] for name in names), strict=True)
        return float(median(sum(each) for each in rounds))


def measure(folder: Path, rounds: int) -> None:
    (folder / ".runctl").mkdir(mode=0o700)
    run(folder, [RUNCTL, "--sandbox", "sandbox", "start"])
    try:
        for recovery in ("runctl", "cloud"):
            print(f"recovery: {recovery}", flush=True)
            _noticed(folder, recovery, rounds)
            _lost(folder, recovery, rounds)
    finally:
        run(folder, [RUNCTL, "--sandbox", "sandbox", "stop"])


def _noticed(folder: Path, recovery: str, rounds: int) -> None:
    saved, again = Seconds(), Seconds()
    with _Life.begun(folder, f"noticed-{recovery}", recovery) as life:
        for _ in range(rounds):
            before = life.await_training()
            at = time.time()
            life.control("POST", f"instances/{before.machine}/interrupt", {"notice_seconds": NOTICE_SECONDS})
            after = life.await_training(after=before)
            told, left = life.told("told"), life.told("saved")
            saved.add(poll=told - at, save=left - told, transfer=life.newest_checkpoint() - left)
            again.add(**life.restart(before, after))
    bar = f"{saved.median('poll', 'save'):.1f} s and the transfer (bar: {SAVED_BAR:.0f} s and the transfer)"
    saved.tell("notice to complete checkpoint", bar)
    _tell_again("machine gone after a notice", again)


def _lost(folder: Path, recovery: str, rounds: int) -> None:
    again = Seconds()
    with _Life.begun(folder, f"lost-{recovery}", recovery) as life:
        for _ in range(rounds):
            before = life.await_training()
            life.control("POST", f"instances/{before.machine}/power", {"power": "cut"})
            again.add(**life.restart(before, life.await_training(after=before)))
    _tell_again("machine lost at once", again)


def _tell_again(what: str, again: Seconds) -> None:
    total = again.median(*again.taken)
    again.tell(f"{what} to training", f"{total:.1f} s in all (bar: {AGAIN_BAR:.0f} s)")


@dataclass(frozen=True)
class Training:
    """A machine that trains and has a checkpoint. ``starts``: how often the run has begun to train;
    ``fetched``: seconds that all machines of the run took so far to fetch and restore."""

    machine: str
    starts: int
    fetched: float


@dataclass
class _Life:
    """A job that loses its machines."""

    folder: Path
    job: str

    @classmethod
    @contextmanager
    def begun(cls, folder: Path, job: str, recovery: str) -> Iterator[_Life]:
        run(folder, [RUNCTL, "--sandbox", "up", str(_job_file(folder, job, recovery)), "--yes", "--detach"])
        command = [RUNCTL, "--sandbox", "watch", job, "--every", "1"]
        watching = [] if recovery == "cloud" else [_started(folder, command)]
        try:
            yield cls(folder, job)
        finally:
            for each in watching:
                each.terminate()
                each.wait()
            run(folder, [RUNCTL, "--sandbox", "down", job, "--yes", "--grace", "0", "--discard-artifacts"])

    def control(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        return control_sandbox(ProjectFolders(self.folder), method, path, body)

    def await_training(self, *, after: Training | None = None) -> Training:
        """Blocks until another machine than that of ``after`` trains and there is a checkpoint."""
        found: list[Training] = []

        def trains() -> bool:
            status = ask(self.folder, "status", self.job)["status"] or {}
            machine = str(status.get("instance"))
            if status.get("phase") != "running" or machine == (after.machine if after else None):
                return False
            starts = len(self._lines("training"))
            if not (status.get("checkpoints") or {}).get("count") or starts == (after.starts if after else 0):
                return False
            found.append(Training(str(machine), starts, float(status["phases"].get("fetch", 0.0))))
            return True

        _until(trains, f"job {self.job} trains")
        return found[0]

    def restart(self, before: Training, after: Training) -> dict[str, float]:
        """The seconds from the end of one machine to the training on the next. ``replace`` is until the next
        one is asked for; of ``boot`` the fetching and restoring is told apart."""
        began, ended = self._machine(after.machine)[0], self._machine(before.machine)[1]
        restore = after.fetched - before.fetched
        return {
            "replace": began - ended,
            "boot": self.told("setup") - began - restore,
            "restore": restore,
            "setup": self.told("training") - self.told("setup"),
        }

    def told(self, what: str) -> float:
        """When the newest machine told it."""
        return self._lines(what)[-1]

    def newest_checkpoint(self) -> float:
        """When it was complete; one that is being saved is none yet."""
        listed = ask(self.folder, "checkpoint", "ls", self.job)["checkpoints"]
        return max(_moment(each["saved_at"]) for each in listed if each["state"] == "complete")

    def _lines(self, what: str) -> list[float]:
        """The times at which it was told."""
        out, _ = run(self.folder, [RUNCTL, "--sandbox", "logs", self.job])
        return [float(at) for word, at in _LINE.findall(out) if word == what]

    def _machine(self, machine: str) -> tuple[float, float]:
        """When it was asked for, and when it began to end."""
        states = [
            (state, at) for each, state, at in self.control("GET", "history")["history"] if each == machine
        ]
        ends = (at for state, at in states if state not in ("pending", "running"))
        return states[0][1], next(ends, float("inf"))


def _job_file(folder: Path, job: str, recovery: str) -> Path:
    work = folder / "work"
    work.mkdir(exist_ok=True)
    (work / "train.py").write_text(TRAIN)
    path = folder / f"{job}.yaml"
    described = {
        "name": job,
        "provider": "aws",
        "region": "us-east-1",
        "workdir": work.name,
        "setup": SETUP,
        "run": "exec python3 train.py",
        "recovery": recovery,
        "spot_policy": "spot",
        "resources": {"instance_types": ["m5.large", "t3.medium"], "disk": "20GB"},
        "max_duration": "2h",
        "checkpoints": {"path": "checkpoints", "every": "2s", "keep": 3},
    }
    path.write_text(yaml.safe_dump(described))
    return path


def _started(folder: Path, command: list[str]) -> subprocess.Popen[bytes]:
    with (folder / "watch.log").open("ab") as log:
        return subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _moment(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() >= deadline:
            raise SystemExit(f"waited in vain until {what}")
        time.sleep(POLL_SECONDS)

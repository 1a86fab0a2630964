"""Shows that a training survives its machines: digits loses two of them, once with nobody watching.

Run it with ``make demo-interrupt``. Trains digits undisturbed, then again while its spot machine is taken
away twice, the second time after ``runctl up`` was killed; the accuracy must be the same. Works in a folder
and a sandbox of its own, which it removes. Exits with a code other than 0 on any failure.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from demo_steps import Commands, DemoError, accuracy_in, say, step

DIGITS = Path(__file__).resolve().parent / "digits"
JOB = "digits"
EPOCHS = 150
"""More than in the example, so that the training still runs when its machine is taken away."""
NOTICE = "10s"
MACHINES = 3
PATIENCE_SECONDS = 900.0
POLL_SECONDS = 1.0


def main() -> int:
    """Runs all steps; the exit code."""
    folder = Path(tempfile.mkdtemp(prefix="runctl-demo-"))
    demo = Demo(folder)
    try:
        demo.prepare()
        with step("1. Undisturbed"):
            undisturbed = demo.train()
            demo.run("down", JOB, "--yes")
        with step("2. The same, with its machine taken away twice"):
            disturbed = demo.train_interrupted()
        with step("3. Compared"):
            demo.tell_history()
            compare(undisturbed, disturbed)
        with step("4. End it"):
            demo.run("down", JOB, "--yes")
    except DemoError as error:
        say(f"\nThe demo failed: {error}")
        return 1
    finally:
        demo.stop_sandbox()
        shutil.rmtree(folder, ignore_errors=True)
    say("\nThe training did not notice.")
    return 0


def compare(undisturbed: float, disturbed: float) -> None:
    """Tells both accuracies, which must be the same."""
    say(f"accuracy undisturbed: {undisturbed}")
    say(f"accuracy interrupted: {disturbed}")
    if undisturbed != disturbed:
        raise DemoError("the accuracy differs")


class Demo(Commands):
    """The commands of the demo, in a project folder with a copy of the example."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._work = folder / "digits"

    def prepare(self) -> None:
        """Copies the example, with more epochs."""
        shutil.copytree(DIGITS, self._work)
        (self.folder / ".runctl").mkdir(mode=0o700)
        file = self._work / "job.yaml"
        text = file.read_text(encoding="utf-8")
        longer = text.replace("--epochs 40", f"--epochs {EPOCHS}")
        if longer == text:
            raise DemoError("the example has another number of epochs")
        file.write_text(longer, encoding="utf-8")

    def train(self) -> float:
        """Trains to the end; the accuracy."""
        self.run("up", "digits/job.yaml", "--yes")
        return self.accuracy()

    def train_interrupted(self) -> float:
        """Trains while the machine is taken away: once with ``up`` following, once without; the accuracy."""
        up = self.start("up", "digits/job.yaml", "--yes")
        try:
            first = self.await_progress(up, after=None)
            self.run("sandbox", "interrupt", JOB, "--notice", NOTICE)
            second = self.await_progress(up, after=first)
        finally:
            up.kill()
            up.wait()
        say(f"runctl up was killed while machine {second} trained")
        self.run("sandbox", "interrupt", JOB, "--notice", NOTICE)
        self.await_status(lambda status: status["phase"] in ("lost", "interrupted"), "the machine is gone")
        self.run("up", "digits/job.yaml", "--yes")
        return self.accuracy()

    def await_progress(self, up: subprocess.Popen[bytes], *, after: str | None) -> str:
        """The machine that trains and has saved a checkpoint, another than ``after``."""
        saved = self.checkpoints() if after else 0

        def is_there(status: dict[str, Any]) -> bool:
            if up.poll() is not None:
                raise DemoError(f"up ended with {up.returncode} before its machine was taken away")
            machine = (status["status"] or {}).get("instance")
            count = (status["checkpoints"] or {}).get("count", 0)
            return status["phase"] == "running" and machine != after and count > saved

        found = self.await_status(is_there, "a machine has saved a checkpoint")
        return str(found["status"]["instance"])

    def checkpoints(self) -> int:
        """How many checkpoints the run has saved."""
        return int((self.ask("status", JOB)["checkpoints"] or {}).get("count", 0))

    def await_status(self, is_there: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """The job's status once ``is_there``."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            found = self.ask("status", JOB, may_fail=True)
            if found is not None and is_there(found):
                return dict(found)
            time.sleep(POLL_SECONDS)
        raise DemoError(f"waited in vain until {what}")

    def accuracy(self) -> float:
        """Of the model that was fetched."""
        return accuracy_in(self.results(JOB))

    def tell_history(self) -> None:
        """A line for each machine of the run, and where it went on."""
        status = self.ask("status", JOB)["status"]
        resumed = [f"from checkpoint {each['checkpoint']}" for each in status["resumes"]]
        starts = ["from the beginning", *resumed]
        machines = status.get("machines") or [{} for _ in starts]
        for number, (machine, start) in enumerate(zip(machines, starts, strict=False), 1):
            place = f" on {machine['id']} in {machine['zone']}" if machine else ""
            say(f"attempt {number}{place}: {start}")
        if len(starts) != MACHINES or len(machines) != MACHINES:
            raise DemoError(f"{len(machines)} machines and {len(starts)} starts, not {MACHINES}")


if __name__ == "__main__":
    sys.exit(main())

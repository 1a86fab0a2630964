"""What the demos have in common: the command line as a user runs it, and headings that tell the time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

RUNCTL = [str(Path(sys.executable).parent / "runctl"), "--sandbox"]


class DemoError(Exception):
    """A step of a demo failed."""


class Commands:
    """``runctl --sandbox`` in a project folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *arguments: str) -> None:
        """Runs one command, as a user would."""
        code = subprocess.run([*RUNCTL, *arguments], cwd=self.folder, check=False).returncode
        if code != 0:
            raise DemoError(f"runctl {' '.join(arguments)} ended with {code}")

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Begins a command that goes on meanwhile."""
        return subprocess.Popen([*RUNCTL, *arguments], cwd=self.folder)

    def ask(self, *arguments: str, may_fail: bool = False) -> Any:
        """The JSON output of a command; None when it failed and may."""
        answer = subprocess.run(
            [*RUNCTL, "--output", "json", *arguments],
            cwd=self.folder,
            check=False,
            capture_output=True,
            text=True,
        )
        if answer.returncode == 0:
            return json.loads(answer.stdout)
        if may_fail:
            return None
        raise DemoError(f"runctl {' '.join(arguments)} ended with {answer.returncode}: {answer.stdout}")

    def stop_sandbox(self) -> None:
        """Stops it, whatever it says."""
        subprocess.run([*RUNCTL, "sandbox", "stop"], cwd=self.folder, check=False)

    def results(self, job: str) -> Path:
        """The folder of what the run of ``job``, which must have succeeded, left here."""
        status = self.ask("status", job)
        if status["phase"] != "succeeded":
            raise DemoError(f"the run is {status['phase']}")
        return self.folder / "runs" / job / str(status["run"])


@contextmanager
def step(title: str) -> Iterator[None]:
    """Prints a heading, and the duration of the step."""
    say(f"\n=== {title}")
    began = time.monotonic()
    yield
    say(f"--- {time.monotonic() - began:.1f} s")


def accuracy_in(folder: Path) -> float:
    """Of the model whose metrics were fetched to ``folder``."""
    metrics = sorted(folder.rglob("metrics.json"))
    if not metrics:
        raise DemoError(f"no metrics in {folder}")
    return float(json.loads(metrics[0].read_text(encoding="utf-8"))["accuracy"])


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()

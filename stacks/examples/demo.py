"""End-to-end demo on this machine: starts the sandbox, trains digits, shows the result, tears down, verifies.

Run it with ``make demo``. It uses the command line as a user does and needs no cloud account. Exits with a
code other than 0 on any failure, and always stops the sandbox if it started it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RUNCTL = [str(Path(sys.executable).parent / "runctl"), "--sandbox"]
JOB_FILE = Path("stacks/examples/digits/job.yaml")
JOB = "digits"


class DemoError(Exception):
    """A step of the demo failed."""


def main() -> int:
    """Runs all steps; the exit code."""
    began = time.monotonic()
    was_running = bool(ask("sandbox", "status")["running"])
    try:
        with step("1. Start the sandbox: an emulated cloud on this machine"):
            run("sandbox", "start")
        with step(f"2. Train: runctl --sandbox up {JOB_FILE} --yes"):
            run("up", str(JOB_FILE), "--yes")
        with step("3. What is known of the job now"):
            run("status", JOB)
            check_result()
        with step(f"4. End it: runctl --sandbox down {JOB} --yes"):
            run("down", JOB, "--yes")
        with step("5. Nothing is left"):
            check_nothing_left()
    except DemoError as error:
        say(f"\nThe demo failed: {error}")
        return 1
    finally:
        if not was_running:
            with step("6. Stop the sandbox"):
                subprocess.run([*RUNCTL, "sandbox", "stop"], cwd=ROOT, check=False)
    say(f"\nDone in {time.monotonic() - began:.0f} s.")
    return 0


@contextmanager
def step(title: str) -> Iterator[None]:
    """Prints a heading, and the duration of the step."""
    say(f"\n=== {title}")
    began = time.monotonic()
    yield
    say(f"--- {time.monotonic() - began:.1f} s")


def run(*arguments: str) -> None:
    """Runs one command, as a user would."""
    code = subprocess.run([*RUNCTL, *arguments], cwd=ROOT, check=False).returncode
    if code != 0:
        raise DemoError(f"runctl {' '.join(arguments)} ended with {code}")


def ask(*arguments: str) -> Any:
    """The JSON output of a command."""
    answer = subprocess.run(
        [*RUNCTL, "--output", "json", *arguments], cwd=ROOT, check=False, capture_output=True, text=True
    )
    if answer.returncode != 0:
        raise DemoError(f"runctl {' '.join(arguments)} ended with {answer.returncode}: {answer.stdout}")
    return json.loads(answer.stdout)


def check_result() -> None:
    """Checks that the model was downloaded, and prints its accuracy."""
    status = ask("status", JOB)
    if status["phase"] != "succeeded":
        raise DemoError(f"the run is {status['phase']}")
    folder = ROOT / "runs" / JOB / status["run"]
    models = sorted(folder.rglob("model.joblib"))
    metrics = sorted(folder.rglob("metrics.json"))
    if not models or not metrics:
        raise DemoError(f"no model in {folder}")
    accuracy = json.loads(metrics[0].read_text(encoding="utf-8"))["accuracy"]
    say(f"model:    {models[0].relative_to(ROOT)} ({models[0].stat().st_size} bytes)")
    say(f"accuracy: {accuracy}")


def check_nothing_left() -> None:
    """Checks that the job is not listed any more."""
    jobs = [each["job"] for each in ask("ls")["jobs"]]
    if JOB in jobs:
        raise DemoError(f"job {JOB} is still listed")
    say(f"jobs: {', '.join(jobs) or 'none'}")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

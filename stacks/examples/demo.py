"""End-to-end demo on this machine: starts the sandbox, trains digits, shows the result, tears down, verifies.

Run it with ``make demo``. It uses the command line as a user does and needs no cloud account. Exits with a
code other than 0 on any failure, and always stops the sandbox if it started it.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from demo_steps import Commands, DemoError, accuracy_in, say, step

ROOT = Path(__file__).resolve().parents[2]
JOB_FILE = Path("stacks/examples/digits/job.yaml")
JOB = "digits"


def main() -> int:
    """Runs all steps; the exit code."""
    began = time.monotonic()
    demo = Commands(ROOT)
    was_running = bool(demo.ask("sandbox", "status")["running"])
    try:
        with step("1. Start the sandbox: an emulated cloud on this machine"):
            demo.run("sandbox", "start")
        with step(f"2. Train: runctl --sandbox up {JOB_FILE} --yes"):
            demo.run("up", str(JOB_FILE), "--yes")
        with step("3. What is known of the job now"):
            demo.run("status", JOB)
            check_result(demo)
        with step(f"4. End it: runctl --sandbox down {JOB} --yes"):
            demo.run("down", JOB, "--yes")
        with step("5. Nothing is left"):
            check_nothing_left(demo)
    except DemoError as error:
        say(f"\nThe demo failed: {error}")
        return 1
    finally:
        if not was_running:
            with step("6. Stop the sandbox"):
                demo.stop_sandbox()
    say(f"\nDone in {time.monotonic() - began:.0f} s.")
    return 0


def check_result(demo: Commands) -> None:
    """Checks that the model was downloaded, and prints its accuracy."""
    folder = demo.results(JOB)
    models = sorted(folder.rglob("model.joblib"))
    if not models:
        raise DemoError(f"no model in {folder}")
    say(f"model:    {models[0].relative_to(ROOT)} ({models[0].stat().st_size} bytes)")
    say(f"accuracy: {accuracy_in(folder)}")


def check_nothing_left(demo: Commands) -> None:
    """Checks that the job is not listed any more."""
    jobs = [each["job"] for each in demo.ask("ls")["jobs"]]
    if JOB in jobs:
        raise DemoError(f"job {JOB} is still listed")
    say(f"jobs: {', '.join(jobs) or 'none'}")


if __name__ == "__main__":
    sys.exit(main())

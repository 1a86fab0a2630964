"""What the programs in `tests/e2e/trainers/printing/` print and write, run with their real packages.

`python -m support.trainer_outputs FOLDER` in `tests/` records it as the unit tests read it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from support.trainer_packages import trainer_packages

PROGRAMS = Path(__file__).resolve().parents[1] / "e2e" / "trainers" / "printing"
OUTPUT = "output"
_TABLE = "metrics.csv"
_EVENTS = "events.out.tfevents.*"


@dataclass(frozen=True)
class TrainerOutput:
    """``text`` has both streams as they came; ``folder`` what the program wrote, absent if nothing."""

    text: str
    folder: Path


def names() -> list[str]:
    return sorted(each.stem for each in PROGRAMS.glob("*.py"))


def ran(name: str, packages: Path, folder: Path) -> TrainerOutput:
    """Runs a program in ``folder``, as the command of a job. It must succeed."""
    environment = {**os.environ, "PYTHONPATH": str(packages), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(PROGRAMS / f"{name}.py")],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    text = done.stdout.decode("utf-8")
    assert done.returncode == 0, text
    return TrainerOutput(text, folder / OUTPUT)


def record(recorded: Path) -> None:
    """Replaces the recorded outputs in a folder; lines with web addresses, which advertise, are left out."""
    packages = trainer_packages()
    for name in names():
        with tempfile.TemporaryDirectory() as folder:
            output = ran(name, packages, Path(folder))
            if output.text:
                text = output.text.replace(str(packages), "site-packages")
                text = "".join(line for line in text.splitlines(keepends=True) if "://" not in line)
                (recorded / f"{name}.txt").write_bytes(text.encode())
            for pattern in (_TABLE, _EVENTS):
                for file in output.folder.rglob(pattern):
                    shutil.copy(file, recorded / f"{name}.{'csv' if pattern == _TABLE else 'tfevents'}")


if __name__ == "__main__":
    record(Path(sys.argv[1]))

"""A process that reads job files as `runctl validate` and `runctl up` do, and reports the cost of each.

Started as a script in a project folder: for every line on stdin it reads `job.yaml` and prints a JSON line.
"""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

JOB_FILE = "job.yaml"


@dataclass(frozen=True)
class Reading:
    """Result of one job file. ``peak_mb`` is the process's peak memory so far."""

    codes: tuple[int, ...]
    error: dict[str, Any] | None
    told: str
    cpu_seconds: float
    peak_mb: int
    made: tuple[str, ...]


class JobReader:
    """The process; it runs while the context is open."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / ".git").mkdir(parents=True)
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            cwd=folder,
            env={"HOME": str(folder / ".git"), "PATH": "/nowhere"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> JobReader:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def read(self, content: bytes) -> Reading:
        """Result of reading ``content`` as a job file."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        (self._folder / JOB_FILE).write_bytes(content)
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the process ended"
        answer = json.loads(line)
        return Reading(
            tuple(answer["codes"]),
            answer["error"],
            answer["told"],
            answer["cpu_seconds"],
            answer["peak_mb"],
            tuple(answer["made"]),
        )


def _serve() -> None:
    from runctl_auto.cli.main import run

    answers = sys.stdout
    _run(run, "--output", "json", "validate", JOB_FILE)  # first-use imports are not counted
    for _ in sys.stdin:
        before = time.process_time()
        code, out, told = _run(run, "--output", "json", "validate", JOB_FILE)
        cpu_seconds, codes = time.process_time() - before, [code]
        if code != 0:  # a valid one would call the cloud
            codes.append(_run(run, "up", JOB_FILE, "--yes")[0])
        answer = {
            "codes": codes,
            "error": json.loads(out).get("error"),
            "told": told,
            "cpu_seconds": cpu_seconds,
            "peak_mb": _peak_mb(),
            "made": sorted(str(each) for each in Path().rglob("*") if str(each) not in (".git", JOB_FILE)),
        }
        print(json.dumps(answer), file=answers, flush=True)


def _run(run: Any, *arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(list(arguments))
    return code, out.getvalue(), err.getvalue()


def _peak_mb() -> int:
    """Peak of this program only, unlike `ru_maxrss` after an exec."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    raise AssertionError("no VmHWM in /proc/self/status")


if __name__ == "__main__":
    _serve()

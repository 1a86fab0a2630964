"""`runctl dashboard` and `runctl top` over 1,000 jobs: when they are seen, and what they cost at rest."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.command_line import RUNCTL
from benchmarks.thousand_jobs import COUNT, TEMPLATE, job_that_ran, make_thousand

RUNNING = 20
MOST_PAINT_SECONDS = 1.0
MOST_PAGE_BYTES = 500_000
MOST_FIRST_SECONDS = 0.5
MOST_SHARE = 5.0
"""Percent of a core that `top` takes at rest."""
REST_SECONDS = 60.0
_PATIENCE_SECONDS = 300.0


def measure(folder: Path, rounds: int) -> None:
    with job_that_ran(folder):
        make_thousand(folder, running=RUNNING)
        _dashboard(folder, max(3, rounds))
        _top(folder, max(3, rounds))


def _dashboard(folder: Path, rounds: int) -> None:
    served = subprocess.Popen(
        [RUNCTL, "--sandbox", "--output", "json", "dashboard"], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    try:
        assert served.stdout is not None
        address = json.loads(served.stdout.readline())["address"]
        _wait(lambda: json.load(urllib.request.urlopen(f"{address}look"))["version"])
        tests = Path(__file__).parents[1] / "tests"
        told = subprocess.run(
            [sys.executable, "-m", "support.first_paint", address, str(rounds)],
            env={**os.environ, "PYTHONPATH": str(tests)},
            capture_output=True,
            text=True,
            check=True,
        )
        found = json.loads(told.stdout.splitlines()[-1])  # after what the installation of Chromium said
        print(
            f"dashboard of {COUNT} jobs: first paint in Chromium after "
            f"{median(found['paints']) / 1000:.2f} s (bar: {MOST_PAINT_SECONDS:g}), the first of {rounds} "
            f"after {found['paints'][0] / 1000:.2f} s; "
            f"a page of {found['bytes'] / 1000:.0f} kB (bar: {MOST_PAGE_BYTES / 1000:.0f})",
            flush=True,
        )
    finally:
        served.send_signal(signal.SIGINT)
        served.wait(60)


def _top(folder: Path, rounds: int) -> None:
    began: list[_Top] = []
    for _ in range(rounds):
        top = _Top(folder)
        top.see(b"PHASE")
        top.see(TEMPLATE.encode() + b"-")
        top.end()
        began.append(top)
    top = _Top(folder)
    top.see(TEMPLATE.encode() + b"-")
    share = top.share_at_rest(REST_SECONDS)
    top.end()
    first = median(each.seen[0] for each in began)
    jobs = median(each.seen[1] for each in began)
    print(
        f"top over {COUNT} jobs: first paint after {first:.2f} s (bar: {MOST_FIRST_SECONDS:g}), the jobs "
        f"after {jobs:.2f} s, {share:.1f} % of a core at rest (bar: {MOST_SHARE:g})",
        flush=True,
    )


class _Top:
    """`runctl top` on a terminal of 80 columns. ``seen``: seconds until each text was seen."""

    def __init__(self, folder: Path) -> None:
        self._began = time.perf_counter()
        self._output = b""
        self.seen: list[float] = []
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.chdir(folder)
            os.environ["TERM"] = "xterm-256color"
            os.execv(RUNCTL, [RUNCTL, "--sandbox", "top"])
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))

    def see(self, text: bytes) -> None:
        _wait(lambda: text in self._after_a_read())
        self.seen.append(time.perf_counter() - self._began)

    def share_at_rest(self, seconds: float) -> float:
        """Percent of a core over a time in which nobody presses a key."""
        before, began = self._cpu(), time.perf_counter()
        while time.perf_counter() - began < seconds:
            self._after_a_read(0.5)
        return 100 * (self._cpu() - before) / (time.perf_counter() - began)

    def end(self) -> None:
        os.write(self._terminal, b"q")
        _wait(lambda: self._after_a_read() and os.waitpid(self._pid, os.WNOHANG)[0])
        os.close(self._terminal)

    def _after_a_read(self, patience: float = 0.05) -> bytes:
        """All that was shown so far."""
        if select.select([self._terminal], [], [], patience)[0]:
            try:
                self._output += os.read(self._terminal, 65536)
            except OSError:  # the program has closed the terminal
                time.sleep(patience)
        return self._output

    def _cpu(self) -> float:
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _wait(holds: Callable[[], object]) -> None:
    began = time.perf_counter()
    while not holds():
        assert time.perf_counter() - began < _PATIENCE_SECONDS, "it did not come about"

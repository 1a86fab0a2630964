"""Servers that the engine starts (policy packs, providers) end with it, however it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.sandbox

ENGINE = """
import os, signal, sys
from sandbox.engine.deploy.server_process import start_server
server = [sys.executable, "-c", "print(4242, flush=True); import time; time.sleep(600)"]
process, port = start_server(server, dict(os.environ), None, "toy", print)
print(process.pid, port, flush=True)
if sys.argv[1] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
"""
SILENT = """
import os, signal, sys
from sandbox.engine.deploy.server_process import start_server
script = "import os, sys, time; print(os.getpid(), file=sys.stderr, flush=True); time.sleep(600)"
server = [sys.executable, "-c", script]
def told(severity, line):
    print(line, end="", flush=True)
    os.kill(os.getpid(), signal.SIGINT)
start_server(server, dict(os.environ), None, "toy", told)
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def run(program: str, how: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program, how], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("how", ["killed", "ended"])
def test_a_server_ends_with_its_engine(how: str, wait_until: Any) -> None:
    ran = run(ENGINE, how)
    assert ran.returncode == (-signal.SIGKILL if how == "killed" else 0), ran.stderr
    pid, port = map(int, ran.stdout.split())
    assert port == 4242
    wait_until(lambda: not alive(pid))


def test_an_interruption_while_a_server_starts_leaves_no_server(wait_until: Any) -> None:
    ran = run(SILENT, "interrupted")
    assert "KeyboardInterrupt" in ran.stderr
    pid = int(ran.stdout.split()[0])
    wait_until(lambda: not alive(pid))

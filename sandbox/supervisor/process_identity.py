"""Distinguishes a process from a later one with the same id."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_START_FIELD = 19
_STATE_FIELD = 0


@dataclass(frozen=True)
class ProcessIdentity:
    """A process id with the process's start time, which differs when the id is reused."""

    pid: int
    started: str

    @property
    def alive(self) -> bool:
        """Whether this process is still running; a zombie is not."""
        return identify(self.pid) == self


def identify(pid: int) -> ProcessIdentity | None:
    """The identity of a running process; None if there is none with this id."""
    if sys.platform != "linux":
        return _identify_by_ps(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    if fields[_STATE_FIELD] in "ZX":
        return None
    return ProcessIdentity(pid, f"{_boot_id()}/{fields[_START_FIELD]}")


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


def _identify_by_ps(pid: int) -> ProcessIdentity | None:
    answer = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split(None, 1)
    if len(answer) < 2 or answer[0].startswith("Z"):
        return None
    return ProcessIdentity(pid, answer[1].strip())

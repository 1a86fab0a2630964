"""The machine: its programs, its termination."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from runctl_auto.agent.errors import ProgramError


@dataclass(frozen=True)
class ProgramResult:
    """Exit code and combined output; 127 when the program does not exist, 124 when it took too long."""

    code: int
    output: str


class RunProgram(Protocol):
    """Runs a program of the system to its end, at most `timeout` seconds."""

    def __call__(self, argv: Sequence[str], timeout: float) -> ProgramResult: ...


def run_program(argv: Sequence[str], timeout: float) -> ProgramResult:
    """Runs a program found on PATH; never raises, however it exits."""
    try:
        done = subprocess.run(
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError:
        return ProgramResult(127, f"{argv[0]} is not installed")
    except subprocess.TimeoutExpired:
        return ProgramResult(124, f"{argv[0]} did not end within {timeout:.0f} s")
    return ProgramResult(done.returncode, done.stdout.decode("utf-8", "replace").strip())


def shut_down(run: RunProgram, say: Callable[[str], None]) -> None:
    """Terminates this machine; falls back to a second way. Raises ProgramError when both fail."""
    first = run(("shutdown", "-h", "now"), timeout=60)
    if first.code == 0:
        return
    say(f"shutdown failed ({first.code}): {first.output}")
    second = run(("systemctl", "poweroff"), timeout=60)
    if second.code != 0:
        raise ProgramError(f"the machine cannot be shut down: {first.output}; {second.output}")

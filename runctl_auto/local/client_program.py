"""Runs a program that serves a session on the person's terminal, as if it were this one."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence


def run_client(arguments: Sequence[str], variables: Mapping[str, str]) -> int:
    """Its exit code. Blocks. Ctrl-C is for the program, which has it from the terminal too."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with subprocess.Popen(
            list(arguments),
            env={**os.environ, **variables},
            preexec_fn=_take_interruptions,  # noqa: PLW1509
        ) as process:
            return process.wait()
    finally:
        signal.signal(signal.SIGINT, before)


def _take_interruptions() -> None:
    """The program must not inherit that interruptions are ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)

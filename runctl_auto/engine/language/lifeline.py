"""Ends a process with the host that started it, even when the host is killed.

The host holds the only writing end of a pipe; every process that it starts holds the reading end.
"""

from __future__ import annotations

import os
import signal
import threading


def follow(lifeline: int) -> None:
    """Kills the process group of this process as soon as the pipe's writing end is closed.

    The process must lead its own group. Starts a daemon thread; returns at once.
    """
    os.set_inheritable(lifeline, False)
    threading.Thread(target=_wait, args=(lifeline,), name="runctl-lifeline", daemon=True).start()


def _wait(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)

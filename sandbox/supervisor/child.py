"""Behavior of all processes under the supervisor: end with the parent, report readiness."""

import ctypes
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_WATCH_SECONDS = 1.0

SUPERVISOR = "RUNCTL_SANDBOX_SUPERVISOR"
"""The variable that passes the supervisor's process id to its child processes."""


def end_with_parent() -> None:
    """Get SIGTERM when the parent ends; exit immediately if the supervisor has already ended."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    expected = int(os.environ.get(SUPERVISOR, parent))
    if os.getppid() != expected:
        sys.exit(0)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


def write_ready_file(path: Path, content: dict[str, Any]) -> None:
    """Write `content` and this process's id to `path` atomically."""
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_text(json.dumps({"pid": os.getpid(), **content}))
    partial.replace(path)

"""What every process under the supervisor does: end with its parent, say when it is ready."""

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
"""The variable in which the supervisor tells its parts its own process id."""


def end_with_parent() -> None:
    """Let this process get SIGTERM when its parent ends; ends at once when the supervisor is gone already."""
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
    """Write `content` and this process's id to `path`, whole or not at all."""
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_text(json.dumps({"pid": os.getpid(), **content}))
    partial.replace(path)

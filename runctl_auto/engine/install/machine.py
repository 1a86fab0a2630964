"""What an installation uses of the machine. Tests pass their own."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.engine.install.archives import Archive, pinned_archive
from runctl_auto.engine.install.bound_command import RunCommand, run_bound
from runctl_auto.engine.install.official import why_out_of_reach
from runctl_auto.engine.install.work_folder import free_bytes


@dataclass(frozen=True)
class Machine:
    """``archive`` is the release that may be downloaded, ``why_out_of_reach`` probes its address; ``python``
    is the interpreter whose pip is used."""

    run: RunCommand = run_bound
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    free_bytes: Callable[[Path], int] = free_bytes
    archive: Callable[[], Archive | None] = pinned_archive
    why_out_of_reach: Callable[[str], str | None] = why_out_of_reach
    python: str = sys.executable
    process: Callable[[], int] = os.getpid

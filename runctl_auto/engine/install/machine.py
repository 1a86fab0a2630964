"""What an installation uses of the machine. Tests pass their own."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.engine.install.bound_command import RunCommand, run_bound
from runctl_auto.engine.install.official import why_out_of_reach
from runctl_auto.engine.install.work_folder import free_bytes


def has_sdk() -> bool:
    """Whether Pulumi's Python SDK, with which the official release is downloaded, can be imported."""
    return importlib.util.find_spec("pulumi") is not None


@dataclass(frozen=True)
class Machine:
    """``why_out_of_reach`` probes the download host; ``python`` is the interpreter whose pip is used."""

    run: RunCommand = run_bound
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    free_bytes: Callable[[Path], int] = free_bytes
    why_out_of_reach: Callable[[], str | None] = why_out_of_reach
    has_sdk: Callable[[], bool] = has_sdk
    python: str = sys.executable
    process: Callable[[], int] = os.getpid

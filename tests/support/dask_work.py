"""Work for a cluster that needs no stack: tells who did it, and lasts a moment."""

from __future__ import annotations

import os
import time
from pathlib import Path

from runctl_auto.errors import UsageError


def place_of(stack: str) -> str:
    return f"{stack} {os.getpid()}"


def work(place: str, item: tuple[str, str, float]) -> str:
    """Adds a line to the file of the stack, then waits; of the stack ``bad`` it raises."""
    name, folder, seconds = item
    with (Path(folder) / name).open("a") as file:
        file.write(f"{place}\n")
    time.sleep(seconds)
    if name == "bad":
        raise UsageError("no such thing", where={"job": name}, next_step="do it right")
    return place

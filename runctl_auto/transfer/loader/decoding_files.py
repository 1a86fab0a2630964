"""Makes one sample of a file: the part to change for other data."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from runctl_auto.transfer.loader.values import value_of


def decode(name: str, content: bytes) -> Any:
    """One sample: its content by the end of its name, with the name of its folder as the label.

    Runs in the workers, which may be other processes: random numbers drawn here belong to a worker.
    """
    return {"value": value_of(name, content), "label": PurePosixPath(name).parent.name}

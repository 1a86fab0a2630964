"""Makes one sample of tar files: the part to change for other data."""

from __future__ import annotations

from typing import Any

from runctl_auto.transfer.loader.values import value_of


def decode(name: str, content: dict[str, bytes]) -> Any:
    """One sample: the content of each of its files by its suffix, and its name.

    Runs in the workers, which may be other processes: random numbers drawn here belong to a worker.
    """
    values = {suffix: value_of(f"file.{suffix}", part) for suffix, part in content.items()}
    return {**values, "name": name}

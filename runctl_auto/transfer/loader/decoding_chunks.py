"""Makes one sample of litdata's chunks: the part to change for other data."""

from __future__ import annotations

from typing import Any


def decode(name: str, content: list[bytes]) -> Any:
    """One sample: the bytes of its fields by their number; ``Samples.formats`` tells what they are.

    Runs in the workers, which may be other processes: random numbers drawn here belong to a worker.
    """
    values = {f"field_{number}": part for number, part in enumerate(content)}
    return {**values, "name": name}

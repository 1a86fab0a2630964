"""What samples are made of: pieces of files or objects, and who reads them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Piece:
    """A file or object, or ``size`` bytes of it from ``start``."""

    name: str
    start: int = 0
    size: int = -1


CLIENTS: set[int] = set()
"""Processes that have made a client of S3: they must not be forked, since the client hangs in the child."""


class Reader(Protocol):
    """Reads pieces of files or objects, many at once. May be passed to other processes.

    ``makes_client``: reading makes a client of S3 in the process that reads.
    """

    makes_client: bool

    def names(self) -> list[tuple[str, int]]:
        """The name and size of each file or object, in the order of the names."""

    def read(self, pieces: Sequence[Piece]) -> list[bytes]:
        """The content of each piece. Blocks."""


def where_data_are(source: str) -> dict[str, Any]:
    """What the agent says of the data from ``source``; empty on a machine without an agent."""
    told = json.loads(os.environ.get("RUNCTL_DATA", "[]"))
    found: dict[str, Any] = next((each for each in told if each["source"].rstrip("/") == source), {})
    return found

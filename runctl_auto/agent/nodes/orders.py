"""What the agent of node 0 is to do next, as the assembly of the nodes orders it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from runctl_auto.agent.nodes.messages import Message


@dataclass(frozen=True)
class Send:
    """A message to one node."""

    node: int
    message: Message


@dataclass(frozen=True)
class Choose:
    """Find the best checkpoint, without those in ``tried``; then call ``chosen``."""

    tried: tuple[str, ...]


@dataclass(frozen=True)
class SaveLast:
    """Save what all ranks left, as one checkpoint; then call ``saved``."""


@dataclass(frozen=True)
class Changed:
    """What is known of the nodes is another than before."""


@dataclass(frozen=True)
class Note:
    """What the run's log tells of all nodes."""

    text: str


Order = Union[Send, Choose, SaveLast, Changed, Note]  # noqa: UP007 - evaluated on Python 3.9

"""Marks that make a notice be sent once, whoever could send it: written on a condition before it is sent.

The marks of one notice are numbered objects. Who makes a number is the only one to send; another may make the
next number only once the mark before says that nothing arrived. A sender that is killed after its mark and
before the delivery leaves the notice unsent for good: at most once, and exactly once unless something fails.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any, Final, Protocol

from runctl_auto.agent.errors import IntegrityError
from runctl_auto.agent.notices.notice_contract import Sent
from runctl_auto.agent.notices.webhook import Delivery
from runctl_auto.agent.untrusted import UnreadableError, cut, encodable, read_object, text

MOST_MARK_BYTES: Final = 4096
MOST_SENDERS: Final = 3
"""So many may try one after the other, each because the one before could not."""
_MOST_WHY = 200


class MarkPlace(Protocol):
    """Where marks are; an agent's store is one. Every call blocks and raises what the place raises."""

    def find(self, key: str, at_most: int) -> bytes | None:
        """The object, None when there is none."""

    def put(self, key: str, data: bytes, content_type: str = ...) -> None:
        """Stores an object, replacing an existing one."""

    def put_new(self, key: str, data: bytes) -> bool:
        """Stores an object if there is none with this key; False when there is."""


@dataclass(frozen=True)
class Mark:
    """The right to send one notice, once."""

    place: MarkPlace
    key: str
    content: dict[str, Any]

    def record(self, delivery: Delivery) -> None:
        """Says what became of it, for `runctl status` and for who would send it next."""
        why = encodable(cut(delivery.why, _MOST_WHY))
        content = {**self.content, "outcome": delivery.outcome, "why": why}
        self.place.put(self.key, _bytes(content), "application/json")


@dataclass(frozen=True)
class Told:
    """A mark as it was read. `outcome` is sending, sent, failed or unknown; times are RFC 3339."""

    key: str
    outcome: str
    at: str = ""
    by: str = ""
    why: str = ""


def mark_key(prefix: str, channel: str, notice: str, number: int) -> str:
    """The key of a mark; `channel` is `webhook` or `command`."""
    return f"{prefix}{channel}/{notice}/{number}.json"


def claim(place: MarkPlace, prefix: str, channel: str, notice: str, *, by: str, at: str) -> Mark | None:
    """The right to send; None when somebody else has it, or had it."""
    for number in range(1, MOST_SENDERS + 1):
        key = mark_key(prefix, channel, notice, number)
        found = _found(place, key)
        if found is None:
            content = {"at": at, "by": by, "outcome": Sent.SENDING, "nonce": secrets.token_hex(8)}
            return Mark(place, key, content) if place.put_new(key, _bytes(content)) else None
        if found.outcome != Sent.FAILED:
            return None
    return None


def read_mark(key: str, content: bytes) -> Told:
    """A mark, whatever its bytes are: one that cannot be read counts as unknown."""
    try:
        found = read_object(content, MOST_MARK_BYTES)
        return Told(
            key,
            found.needed("outcome", text(20)),
            at=found.given("at", text(40)) or "",
            by=found.given("by", text(100)) or "",
            why=found.given("why", text(4 * _MOST_WHY)) or "",
        )
    except UnreadableError:
        return Told(key, Sent.UNKNOWN, why="its mark cannot be read")


def _found(place: MarkPlace, key: str) -> Told | None:
    try:
        content = place.find(key, MOST_MARK_BYTES)
    except IntegrityError:
        return Told(key, Sent.UNKNOWN)
    return None if content is None else read_mark(key, content)


def _bytes(content: dict[str, Any]) -> bytes:
    return json.dumps(content).encode()

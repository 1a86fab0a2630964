"""What the agents of a run's nodes tell each other: JSON objects, one a line, over a connection of their own.

A node says ``hello`` once, then what its job does; node 0 says what all are to do. Each side shows first that
it knows the secret that only the run's machines can read (``address.json``).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runctl_auto.agent.contract import MOST_MESSAGE, MOST_NODES, PHASES
from runctl_auto.agent.job.stopping import StopRequest
from runctl_auto.agent.status import Outcome
from runctl_auto.agent.untrusted import Fields, UnreadableError, matching, number, one_of, text, whole

MOST_LINE_BYTES = 64 * 1024
MOST_GPUS = 1024
LONGEST_SECONDS = 1e7
_WORD = matching(r"[a-z][a-z_-]{0,39}")
_SEQUENCE = matching(r"[0-9]{8}")
_ADDRESS = matching(r"[0-9A-Fa-f.:]{2,45}")
_TEXT = text(MOST_MESSAGE)

Message = Mapping[str, Any]


class Say:
    """The field ``say`` of a message of a node."""

    HELLO = "hello"
    BEAT = "beat"
    READY = "ready"
    """It can start: set up, and no command runs."""
    RESTORED = "restored"
    ENDED = "ended"
    """Its command has ended, or could not be started; ``stopped`` if it was told to."""
    LEAVING = "leaving"
    """It is asked to stop: an interruption, a request, a limit."""
    SAVE = "save"
    """Its machine may be taken away soon: a checkpoint of all nodes is wanted now."""
    LOOKED = "looked"
    SAVED = "saved"


class Do:
    """The field ``do`` of a message of node 0."""

    BEAT = "beat"
    RESTORE = "restore"
    START = "start"
    STOP = "stop"
    AGAIN = "again"
    """The round is over; get ready for the next one."""
    LEAVE = "leave"
    """The node may go: the others wait for the one that comes in its place."""
    END = "end"
    LOOK = "look"
    SAVE = "save"


@dataclass(frozen=True)
class Place:
    """Where a node can be reached by the others, and what it has."""

    node: int
    address: str
    gpus: int = 0
    instance: str | None = None


@dataclass(frozen=True)
class Round:
    """One common start: the nodes that take part, in the order of their ranks, and where rank 0 listens."""

    number: int
    places: tuple[Place, ...]
    port: int


class Lines:
    """Cuts what arrives into messages. Raises UnreadableError for what no agent sends."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> Iterator[Message]:
        self._rest += data
        while b"\n" in self._rest:
            line, _, self._rest = self._rest.partition(b"\n")
            yield read_message(line)
        if len(self._rest) > MOST_LINE_BYTES:
            raise UnreadableError("it is a line that is too long")


def line_of(message: Message) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def read_message(line: bytes) -> Message:
    """The message of a line. Raises UnreadableError."""
    if len(line) > MOST_LINE_BYTES:
        raise UnreadableError("it is a line that is too long")
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise UnreadableError("it is no JSON") from None
    return Fields(found).members


def proof(key: bytes, *parts: str) -> str:
    """What only those can say who know the key."""
    return hmac.new(key, "\n".join(parts).encode(), hashlib.sha256).hexdigest()


def is_proof(key: bytes, found: object, *parts: str) -> bool:
    return isinstance(found, str) and hmac.compare_digest(found, proof(key, *parts))


def place_as_json(place: Place) -> dict[str, Any]:
    return {
        "node": place.node,
        "address": place.address,
        "gpus": place.gpus,
        "instance": place.instance,
    }


def read_place(value: object) -> Place:
    found = Fields(value)
    return Place(
        node=found.needed("node", whole(0, MOST_NODES - 1)),
        address=found.needed("address", _ADDRESS),
        gpus=found.given("gpus", whole(0, MOST_GPUS)) or 0,
        instance=found.given("instance", text(64)),
    )


def round_as_json(start: Round) -> dict[str, Any]:
    return {
        "round": start.number,
        "places": [place_as_json(each) for each in start.places],
        "port": start.port,
    }


def read_round(message: Message) -> Round:
    found = Fields(message)
    return Round(
        number=found.needed("round", whole()),
        places=tuple(found.each("places", read_place, MOST_NODES)),
        port=found.needed("port", whole(1, 65535)),
    )


def round_of(message: Message) -> int:
    return Fields(message).needed("round", whole())


def checkpoint_of(message: Message) -> str | None:
    return Fields(message).given("checkpoint", _SEQUENCE)


def outcome_as_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "phase": outcome.phase,
        "reason": outcome.reason,
        "exit_code": outcome.exit_code,
        "message": None if outcome.message is None else outcome.message[:MOST_MESSAGE],
    }


def read_outcome(value: object) -> Outcome:
    found = Fields(value)
    return Outcome(
        phase=found.needed("phase", one_of(PHASES)),
        reason=found.needed("reason", _WORD),
        exit_code=found.given("exit_code", whole(0, 255)),
        message=found.given("message", _TEXT),
    )


def request_as_json(request: StopRequest) -> dict[str, Any]:
    return {
        "phase": request.phase,
        "reason": request.reason,
        "message": request.message[:MOST_MESSAGE],
        "grace_seconds": request.grace_seconds,
    }


def read_request(value: object) -> StopRequest:
    found = Fields(value)
    return StopRequest(
        phase=found.needed("phase", one_of(PHASES)),
        reason=found.needed("reason", _WORD),
        message=found.needed("message", _TEXT),
        grace_seconds=found.needed("grace_seconds", number(0, LONGEST_SECONDS)),
    )

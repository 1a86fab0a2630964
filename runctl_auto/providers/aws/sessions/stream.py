"""The streams of a data channel: what is sent is kept until it is acknowledged, what comes is put in order.

No threads and no connection of its own: whoever has these calls it, under one lock.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator

from runctl_auto.providers.aws.sessions.messages import INPUT, Message

WINDOW = 1000
"""Messages that may be sent and not acknowledged."""
MOST_AHEAD = 10_000
"""Messages that are kept until those before them come."""
_FIRST_ROUND_TRIP, _SHORTEST_WAIT, _LONGEST_WAIT = 0.1, 0.2, 1.0
_MOST_AT_ONCE = 200


class Outgoing:
    """What is sent. ``clock`` counts seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sent: OrderedDict[int, tuple[bytes, float, bool]] = OrderedDict()
        self._next = 0
        self._round_trip, self._variation = _FIRST_ROUND_TRIP, 0.0

    @property
    def is_full(self) -> bool:
        return len(self._sent) >= WINDOW

    @property
    def is_empty(self) -> bool:
        """Whether all is acknowledged."""
        return not self._sent

    def add(self, payload_type: int, data: bytes) -> bytes:
        """The message to send."""
        encoded = Message(INPUT, data, payload_type, self._next).encoded()
        self._sent[self._next] = (encoded, self._clock(), False)
        self._next += 1
        return encoded

    def acknowledged(self, sequence: int) -> None:
        known = self._sent.pop(sequence, None)
        if known is None or known[2]:
            return  # of a message that was sent twice nobody knows which one arrived
        took = self._clock() - known[1]
        self._variation += 0.25 * (abs(self._round_trip - took) - self._variation)
        self._round_trip += 0.125 * (took - self._round_trip)

    def overdue(self) -> Iterator[bytes]:
        """Messages to send again, the oldest first."""
        patience = min(max(self._round_trip + 4 * self._variation, _SHORTEST_WAIT), _LONGEST_WAIT)
        now = self._clock()
        late = [number for number, (_, at, _again) in self._sent.items() if now - at >= patience][
            :_MOST_AT_ONCE
        ]
        for number in late:
            encoded = self._sent[number][0]
            self._sent[number] = (encoded, now, True)
            yield encoded

    def all_again(self) -> Iterator[bytes]:
        """All that is not acknowledged, for a new connection."""
        now = self._clock()
        for number, (encoded, _, _again) in list(self._sent.items()):
            self._sent[number] = (encoded, now, True)
            yield encoded


class Incoming:
    """What comes, possibly twice and in any order."""

    def __init__(self) -> None:
        self._expected = 0
        self._ahead: dict[int, Message] = {}

    def accepts(self, message: Message) -> bool:
        """Whether to acknowledge it; one that is too far ahead comes again."""
        return message.sequence < self._expected + MOST_AHEAD

    def take(self, message: Message) -> Iterator[Message]:
        """The messages that are next now, in order."""
        if message.sequence >= self._expected and self.accepts(message):
            self._ahead[message.sequence] = message
        while (following := self._ahead.pop(self._expected, None)) is not None:
            self._expected += 1
            yield following

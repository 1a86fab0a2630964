"""The agent's end of a session's data channel: in order, acknowledged, sent again until it is.

Timing as in amazon-ssm-agent: what is not acknowledged is sent again after a time that follows the round
trips, looked at every 100 ms; here all of it, there the oldest message alone.
"""

from __future__ import annotations

import contextlib
import json
import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from sandbox.hosts.guest import session_messages as messages
from sandbox.hosts.guest.session_messages import Message, NotAMessage
from sandbox.hosts.guest.websocket_frames import BINARY, Closed, WebSocket

_WINDOW = 1000
_MOST_UNDELIVERED, _MOST_UNWRITTEN, _MOST_AT_ONCE = 4000, 100, 200
_FIRST_TIMEOUT, _LONGEST_TIMEOUT, _LOOK_SECONDS = 0.2, 1.0, 0.1
_MOST_AHEAD = 10_000


class AgentChannel:
    """`take` gets payload type and payload of each message of the client, in order, in one thread."""

    def __init__(self, web: WebSocket, session: str, take: Callable[[int, bytes], None]) -> None:
        self._web = web
        self._session = session
        self._take = take
        self._expected = 0
        self._ahead: dict[int, Message] = {}
        self._sent: OrderedDict[int, tuple[bytes, float]] = OrderedDict()
        self._next = 0
        self._round_trip, self._variation = 0.1, 0.0
        self._changed = threading.Condition()
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._inbox: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self.closed = threading.Event()

    def start(self) -> None:
        for work in (self._receive, self._write_all, self._deliver_all, self._send_again):
            threading.Thread(target=work, daemon=True).start()

    def send(self, payload_type: int, data: bytes) -> None:
        """Send a payload; blocks while too much is not acknowledged. Raises Closed."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._sent) < _WINDOW or self.closed.is_set())
            if self.closed.is_set():
                raise Closed("the session has ended")
            message = Message(
                messages.OUTPUT, data, payload_type, self._next, flags=1 if self._next == 0 else 0
            )
            encoded = message.encoded()
            self._sent[self._next] = (encoded, time.monotonic())
            self._next += 1
            self._outbox.put(encoded)

    def drain(self, seconds: float) -> None:
        """Wait until all is acknowledged, at most so long."""
        with self._changed:
            self._changed.wait_for(lambda: not self._sent or self.closed.is_set(), seconds)

    def end(self) -> None:
        """Tell the service that the session has ended here."""
        state = {"SchemaVersion": 1, "SessionState": "Terminating", "SessionId": self._session}
        with contextlib.suppress(Closed):
            self._web.send(Message(messages.AGENT_STATE, json.dumps(state).encode(), flags=3).encoded())

    def _write_all(self) -> None:
        """In a thread of its own: reading must not wait for it, else both ends wait for each other."""
        while (data := self._outbox.get()) is not None:
            try:
                self._web.send(data)
            except Closed:
                return

    def _deliver_all(self) -> None:
        """In a thread of its own: acknowledgements are read also while `take` blocks."""
        while (message := self._inbox.get()) is not None:
            try:
                self._take(message.payload_type, message.payload)
            except (OSError, ValueError):
                self._close()
                return

    def _receive(self) -> None:
        try:
            while not self.closed.is_set():
                kind, data = self._web.receive()
                if kind == BINARY:
                    self._handle(data)
        except (Closed, NotAMessage, OSError):
            pass
        finally:
            self._close()

    def _close(self) -> None:
        self.closed.set()
        with self._changed:
            self._changed.notify_all()
        self._outbox.put(None)
        self._inbox.put(None)
        self._web.close()

    def _handle(self, data: bytes) -> None:
        message = Message.decoded(data)
        if message.kind == messages.ACKNOWLEDGE:
            self._acknowledged(int(json.loads(message.payload)["AcknowledgedMessageSequenceNumber"]))
        elif message.kind == messages.CHANNEL_CLOSED:
            raise Closed("the service closed the channel")
        elif message.kind == messages.INPUT:
            self._input(message)

    def _input(self, message: Message) -> None:
        if message.sequence > self._expected + _MOST_AHEAD or self._inbox.qsize() > _MOST_UNDELIVERED:
            return  # it comes again
        self._outbox.put(messages.acknowledgement(message).encoded())
        if message.sequence < self._expected:
            return
        self._ahead[message.sequence] = message
        while (following := self._ahead.pop(self._expected, None)) is not None:
            self._expected += 1
            self._inbox.put(following)

    def _acknowledged(self, sequence: int) -> None:
        with self._changed:
            known = self._sent.pop(sequence, None)
            if known is None:
                return
            took = time.monotonic() - known[1]
            self._variation = 0.75 * self._variation + 0.25 * abs(self._round_trip - took)
            self._round_trip = 0.875 * self._round_trip + 0.125 * took
            self._changed.notify_all()

    def _send_again(self) -> None:
        while not self.closed.wait(_LOOK_SECONDS):
            if self._outbox.qsize() > _MOST_UNWRITTEN:
                continue
            with self._changed:
                wanted = max(self._round_trip + 4 * self._variation, _FIRST_TIMEOUT)
                patience, now = min(wanted, _LONGEST_TIMEOUT), time.monotonic()
                late = [n for n, (_, at) in self._sent.items() if now - at >= patience][:_MOST_AT_ONCE]
                for number in late:
                    encoded = self._sent[number][0]
                    self._sent[number] = (encoded, now)
                    self._outbox.put(encoded)

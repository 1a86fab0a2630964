"""A session's data channel: connected, kept connected, with what it carries in order and complete."""

from __future__ import annotations

import json
import queue
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from runctl_auto.errors import CloudError, MachineNotReachableError
from runctl_auto.providers.aws.sessions import messages
from runctl_auto.providers.aws.sessions.handshake import CLIENT_VERSION, Offered, answered
from runctl_auto.providers.aws.sessions.messages import Flag, Message, NotAMessage, Payload
from runctl_auto.providers.aws.sessions.stream import Incoming, Outgoing
from runctl_auto.providers.reach import OpenedSession

HANDSHAKE_SECONDS = 15.0
_LOOK_SECONDS = 0.1
_RECONNECTS = 8
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_MOST_UNDELIVERED, _MOST_UNWRITTEN = 4000, 100

Take = Callable[[int, bytes], None]
"""Gets type and content of each payload, in order, in one thread."""


class Socket(Protocol):
    """A web socket, as ``websockets.sync.client`` makes it. Its errors are OSErrors here."""

    def send(self, data: bytes | str) -> None: ...
    def receive(self) -> bytes | str: ...
    def close(self) -> None: ...


Connect = Callable[[str], Socket]
"""Opens a session's address. Raises OSError."""
Resume = Callable[[], "OpenedSession | None"]
"""Gets a new token for a session whose connection was lost; None when it has ended."""


@dataclass
class Channel:
    """One session's channel. ``send`` may be called by any thread; ``take`` gets what comes."""

    session: OpenedSession
    connect: Connect
    resume: Resume
    take: Take
    clock: Callable[[], float] = time.monotonic
    offered: Offered | None = None
    """What the agent said in the handshake."""
    why: str = ""
    """Why the channel was closed, if that was told."""
    _outgoing: Outgoing = field(init=False)
    _incoming: Incoming = field(default_factory=Incoming)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _ready: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)
    _socket: Socket | None = None
    _outbox: queue.SimpleQueue[bytes | None] = field(default_factory=queue.SimpleQueue)
    _inbox: queue.SimpleQueue[Message | None] = field(default_factory=queue.SimpleQueue)

    def __post_init__(self) -> None:
        self._outgoing = Outgoing(self.clock)

    def open(self, seconds: float = HANDSHAKE_SECONDS) -> Offered:
        """Connects, and waits for the handshake. Raises ``MachineNotReachableError`` when it does not come,
        or offers what this client cannot do."""
        try:
            self._socket = self._connected(self.session)
        except OSError as error:
            raise self._unreached(f"its address does not answer ({error})") from error
        for work in (self._receive, self._write_all, self._deliver_all, self._send_again):
            threading.Thread(target=work, name=work.__name__, daemon=True).start()
        self._ready.wait(seconds)
        if self.offered is None:
            self.close()
            raise self._unreached("the machine's agent does not answer")
        if self.offered.refused:
            self.close()
            raise self._unreached(f"it needs what this client lacks: {', '.join(self.offered.refused)}")
        return self.offered

    def send(self, payload_type: int, data: bytes) -> None:
        """Sends data of any size. Blocks while too much is on its way. Raises ConnectionError at the end."""
        for begin in range(0, max(len(data), 1), messages.PAYLOAD_BYTES):
            with self._changed:
                self._changed.wait_for(lambda: not self._outgoing.is_full or self.closed.is_set())
                if self.closed.is_set():
                    raise ConnectionError("the session has ended")
                encoded = self._outgoing.add(payload_type, data[begin : begin + messages.PAYLOAD_BYTES])
                self._outbox.put(encoded)

    def terminate(self) -> None:
        """Asks the agent to end the session, and closes the channel."""
        if not self.closed.is_set():
            try:
                self.send(Payload.FLAG, Flag.TERMINATE_SESSION.to_bytes(4, "big"))
                with self._changed:
                    self._changed.wait_for(lambda: self._outgoing.is_empty or self.closed.is_set(), 2.0)
            except ConnectionError:
                pass
        self.close()

    def close(self) -> None:
        """Idempotent."""
        self.closed.set()
        self._ready.set()
        with self._changed:
            self._changed.notify_all()
        self._outbox.put(None)
        self._inbox.put(None)
        if self._socket is not None:
            self._socket.close()

    def _connected(self, session: OpenedSession) -> Socket:
        """A connection whose first message is the session's token."""
        socket = self.connect(session.url)
        hello: dict[str, Any] = {
            "MessageSchemaVersion": "1.0",
            "RequestId": str(uuid.uuid4()),
            "TokenValue": session.token,
            "ClientId": str(uuid.uuid4()),
            "ClientVersion": CLIENT_VERSION,
        }
        socket.send(json.dumps(hello))
        return socket

    def _write_all(self) -> None:
        """Writes in a thread of its own, so that reading never waits for it: both ends would wait for each
        other. What cannot be sent now is sent again once the connection is back."""
        while (data := self._outbox.get()) is not None:
            try:
                if self._socket is not None:
                    self._socket.send(data)
            except OSError:
                continue

    def _deliver_all(self) -> None:
        """Delivers in a thread of its own: acknowledgements must be read also while ``take`` blocks."""
        while (message := self._inbox.get()) is not None:
            try:
                self.take(message.payload_type, message.payload)
            except (OSError, ValueError) as error:
                self.why = str(error)
                self.close()
                return

    def _receive(self) -> None:
        try:
            while not self.closed.is_set():
                assert self._socket is not None  # noqa: S101 - open made it
                try:
                    data = self._socket.receive()
                except OSError:
                    if self.closed.is_set() or not self._connected_again():
                        return
                    continue
                if isinstance(data, bytes):
                    self._handle(data)
        finally:
            self.close()

    def _connected_again(self) -> bool:
        """Whether the session goes on over a new connection."""
        pause = _FIRST_PAUSE
        for _ in range(_RECONNECTS):
            if self.closed.wait(pause):
                return False
            pause = min(pause * 2, _LONGEST_PAUSE)
            try:
                found = self.resume()
                if found is None:
                    return False
                socket = self._connected(found)
            except (OSError, CloudError):
                continue
            with self._changed:
                self._socket = socket
                for each in self._outgoing.all_again():
                    self._outbox.put(each)
            return True
        self.why = "the connection was lost"
        return False

    def _handle(self, data: bytes) -> None:
        try:
            message = messages.decoded(data)
            if message.kind == messages.ACKNOWLEDGE:
                self._acknowledged(messages.acknowledged_sequence(message))
            elif message.kind == messages.CHANNEL_CLOSED:
                self.why = messages.why_closed(message)
                self.close()
            elif message.kind == messages.OUTPUT:
                self._output(message)
        except (NotAMessage, ValueError, KeyError, TypeError):
            return  # what is damaged comes again

    def _acknowledged(self, sequence: int) -> None:
        with self._changed:
            self._outgoing.acknowledged(sequence)
            self._changed.notify_all()

    def _output(self, message: Message) -> None:
        if not self._incoming.accepts(message) or self._inbox.qsize() > _MOST_UNDELIVERED:
            return  # it comes again
        self._outbox.put(messages.acknowledgement(message).encoded())
        for each in self._incoming.take(message):
            if each.payload_type == Payload.HANDSHAKE_REQUEST:
                self.offered, response = answered(each.payload)
                self._send_now(Payload.HANDSHAKE_RESPONSE, response)
                if self.offered.refused:
                    self._ready.set()
            elif each.payload_type == Payload.HANDSHAKE_COMPLETE:
                self._ready.set()
            else:
                self._inbox.put(each)

    def _send_now(self, payload_type: int, data: bytes) -> None:
        """A response, which waits for no room."""
        with self._changed:
            self._outbox.put(self._outgoing.add(payload_type, data))

    def _send_again(self) -> None:
        while not self.closed.wait(_LOOK_SECONDS):
            if self._outbox.qsize() > _MOST_UNWRITTEN:
                continue  # they are late because they have not left yet
            with self._changed:
                for each in self._outgoing.overdue():
                    self._outbox.put(each)

    def _unreached(self, why: str) -> MachineNotReachableError:
        return MachineNotReachableError(
            f"The session with machine {self.session.machine} could not be opened: {why}.",
            where={"machine": self.session.machine, "session": self.session.id},
            next_step="Repeat the command. If it stays so, `runctl exec` needs no session.",
        )

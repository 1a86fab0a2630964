"""Node 0's side of the connections between the agents of a run: carries out what the assembly orders.

One thread serves all connections and the assembly; what takes time (the store) is done by another one, the
clerk, so that a silent node is noticed all the same.
"""

from __future__ import annotations

import queue
import secrets
import selectors
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from runctl_auto.agent.contract import MOST_NODES, Phase, Reason
from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.nodes.assembly import Assembly, State
from runctl_auto.agent.nodes.messages import (
    Do,
    Lines,
    Message,
    Say,
    is_proof,
    line_of,
    proof,
    read_place,
)
from runctl_auto.agent.nodes.orders import Changed, Choose, Note, Order, SaveLast, Send
from runctl_auto.agent.status import Outcome
from runctl_auto.agent.untrusted import UnreadableError

BEAT_SECONDS = 0.5
SILENT_SECONDS = 2.0
"""A node that says nothing for so long is lost: it beats every half second."""
TICK_SECONDS = 0.2
MOST_STRANGERS = 2 * MOST_NODES
"""Connections that have not shown yet that they are the run's."""
STRANGER_SECONDS = 5.0
ANSWER_SECONDS = 600.0
"""How long the nodes may take to store their parts of a checkpoint."""
CHUNK = 64 * 1024


class Clerk(Protocol):
    """What the leader needs of the store; `CommonCheckpoints` describes it."""

    def choose(self, tried: tuple[str, ...]) -> str | None: ...
    def save(self, *, final: bool) -> object: ...


@dataclass
class _Connection:
    socket: socket.socket
    since: float
    nonce: str
    heard: float
    lines: Lines = field(default_factory=Lines)
    node: int | None = None
    unsent: bytes = b""


class Leader:
    """Serves until `close`. `told` gets what is known of the nodes whenever it changes; it must not block."""

    def __init__(
        self,
        assembly: Assembly,
        listener: socket.socket,
        key: bytes,
        *,
        say: Callable[[str], None],
        told: Callable[[Assembly], None],
        heard: Callable[[int, Message], None],
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._assembly = assembly
        self._listener = listener
        self._key = key
        self._say = say
        self._told = told
        self._heard = heard
        self._ticks = ticks
        self._lock = threading.RLock()
        self._answers: dict[int, Message] = {}
        self._asked_for: str | None = None
        self._answered = threading.Condition(self._lock)
        self._connections: dict[socket.socket, _Connection] = {}
        self._selector = selectors.DefaultSelector()
        self._work: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._closing = threading.Event()
        self._gone = threading.Event()
        self._clerk: Clerk | None = None

    def start(self, clerk: Clerk, another: Callable[[Outcome], float | None]) -> None:
        """Serves from now on. `another` is as in `Assembly`."""
        self._clerk, self._assembly.another = clerk, another
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        for name, run in (("nodes", self._serve), ("nodes' clerk", self._clerk_works)):
            threading.Thread(target=run, name=name, daemon=True).start()

    def close(self) -> None:
        """Ends the connections. Idempotent."""
        self._closing.set()
        self._work.put(None)

    def await_gone(self, seconds: float) -> None:
        """Blocks until all other nodes have closed their connections after the end, at most `seconds`."""
        self._gone.wait(seconds)

    def ask(self, message: Message, answer: str, seconds: float = ANSWER_SECONDS) -> Mapping[int, Message]:
        """Asks all nodes that take part; their answers by node. Blocks.

        Raises AgentError when one of them is lost meanwhile, or does not answer.
        """
        with self._answered:
            nodes = self._assembly.taking_part
            self._answers, self._asked_for = {}, answer
            self._carry_out([Send(node, message) for node in nodes])
            deadline = self._ticks() + seconds
            while not all(node in self._answers for node in nodes):
                lost = [node for node in nodes if node not in self._assembly.present]
                if lost or self._ticks() >= deadline or self._closing.is_set():
                    self._asked_for = None
                    named = ", ".join(map(str, lost or [n for n in nodes if n not in self._answers]))
                    raise AgentError(f"node {named} {'is lost' if lost else 'does not answer'}")
                self._answered.wait(TICK_SECONDS)
            self._asked_for = None
            return dict(self._answers)

    def idle_seconds(self) -> float:
        """For how long all ranks have been idle."""
        with self._lock:
            return self._assembly.idle_seconds

    def fail(self, outcome: Outcome) -> None:
        """Ends the run for all nodes."""
        with self._lock:
            self._carry_out(self._assembly.fail(outcome, self._ticks()))

    # Connections

    def _serve(self) -> None:
        beaten = 0.0
        while not self._closing.is_set():
            events = self._selector.select(TICK_SECONDS)
            with self._lock:
                for key, mask in events:
                    self._serve_event(key.fileobj, mask)
                now = self._ticks()
                if now - beaten >= BEAT_SECONDS:
                    beaten = now
                    self._beat()
                self._drop_silent(now)
                self._carry_out(self._assembly.tick(now))
        for connection in list(self._connections.values()):
            self._flush(connection)
            connection.socket.close()
        self._listener.close()

    def _serve_event(self, file: Any, mask: int) -> None:
        if file is self._listener:
            self._accept()
            return
        connection = self._connections.get(file)
        if connection is None:
            return
        if mask & selectors.EVENT_READ:
            self._read(connection)
        if mask & selectors.EVENT_WRITE and connection.socket in self._connections:
            self._flush(connection)

    def _accept(self) -> None:
        try:
            accepted, _ = self._listener.accept()
        except OSError:
            return
        strangers = sum(each.node is None for each in self._connections.values())
        if strangers >= MOST_STRANGERS:
            accepted.close()
            return
        accepted.setblocking(False)
        now = self._ticks()
        connection = _Connection(accepted, now, secrets.token_hex(16), heard=now)
        self._connections[accepted] = connection
        self._selector.register(accepted, selectors.EVENT_READ)
        self._put(connection, {"nonce": connection.nonce})

    def _read(self, connection: _Connection) -> None:
        try:
            data = connection.socket.recv(CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._drop(connection)
            return
        connection.heard = self._ticks()
        try:
            for message in connection.lines.take(data):
                if connection.socket not in self._connections:
                    return
                self._take(connection, message)
        except UnreadableError as error:
            if connection.node is not None:
                self._say(f"node {connection.node} says what is not understood: {error}")
            self._drop(connection)

    def _take(self, connection: _Connection, message: Message) -> None:
        now = self._ticks()
        if connection.node is None:
            place = read_place(message.get("place"))
            known = place.node < self._assembly.nodes and message.get("say") == Say.HELLO
            if not known or not is_proof(self._key, message.get("proof"), connection.nonce, str(place.node)):
                raise UnreadableError("it is a stranger")
            for other in [each for each in self._connections.values() if each.node == place.node]:
                self._forget(other)
            connection.node = place.node
            nonce = str(message.get("nonce", ""))
            self._put(connection, {"welcome": proof(self._key, nonce, "leader")})
            self._say(f"node {place.node} has come ({place.instance}, {place.address})")
            self._heard(place.node, message)
            self._carry_out(self._assembly.joined(place, now))
            return
        if message.get("say") in (Say.LOOKED, Say.SAVED):
            if message.get("say") == self._asked_for:
                self._answers[connection.node] = message
                self._answered.notify_all()
            return
        if message.get("say") == Say.SAVE:
            self._work.put(partial(self._save_for, connection.node))
            return
        self._heard(connection.node, message)
        self._carry_out(self._assembly.told(connection.node, message, now))

    def _beat(self) -> None:
        for connection in list(self._connections.values()):
            if connection.node is not None:
                self._put(connection, {"do": Do.BEAT})

    def _drop_silent(self, now: float) -> None:
        for connection in list(self._connections.values()):
            is_stranger = connection.node is None and now - connection.since >= STRANGER_SECONDS
            if is_stranger or (connection.node is not None and now - connection.heard >= SILENT_SECONDS):
                self._drop(connection)

    def _drop(self, connection: _Connection) -> None:
        self._forget(connection)
        if connection.node is not None:
            if self._assembly.outcome is None:
                self._say(f"node {connection.node} is gone")
            self._carry_out(self._assembly.left(connection.node, self._ticks()))
            self._answered.notify_all()
        if self._assembly.outcome is not None and not set(self._assembly.present) - {0}:
            self._gone.set()

    def _forget(self, connection: _Connection) -> None:
        if self._connections.pop(connection.socket, None) is not None:
            self._selector.unregister(connection.socket)
            connection.socket.close()

    def _put(self, connection: _Connection, message: Message) -> None:
        connection.unsent += line_of(message)
        self._flush(connection)

    def _flush(self, connection: _Connection) -> None:
        try:
            while connection.unsent:
                sent = connection.socket.send(connection.unsent)
                connection.unsent = connection.unsent[sent:]
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            # What it still said is read first; then the connection is found to be broken.
            connection.unsent = b""
        if connection.socket in self._connections:
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.unsent else 0)
            self._selector.modify(connection.socket, wanted)

    # Orders

    def _carry_out(self, orders: list[Order]) -> None:
        is_news = False
        for order in orders:
            if isinstance(order, Send):
                self._send(order)
            elif isinstance(order, Choose):
                self._tell_left_out()
                self._work.put(partial(self._choose, order.tried))
            elif isinstance(order, SaveLast):
                self._work.put(self._save_last)
            elif isinstance(order, Note):
                self._say(order.text)
            elif isinstance(order, Changed):
                is_news = True
        if is_news:
            self._told(self._assembly)
            if self._assembly.outcome is not None and not set(self._assembly.present) - {0}:
                self._gone.set()

    def _tell_left_out(self) -> None:
        left_out, count = self._assembly.left_out, self._assembly.nodes
        if left_out:
            named = ", ".join(map(str, left_out))
            self._say(f"going on with {count - len(left_out)} of {count} nodes, without {named}")

    def _send(self, order: Send) -> None:
        for connection in list(self._connections.values()):
            if connection.node == order.node:
                self._put(connection, order.message)

    def _clerk_works(self) -> None:
        while True:
            work = self._work.get()
            if work is None:
                return
            try:
                work()
            except Exception as error:
                self._say(f"node 0 cannot go on: {error!r}")
                self.fail(Outcome(Phase.FAILED, Reason.AGENT_ERROR, None, f"node 0 cannot go on: {error!r}"))

    def _choose(self, tried: tuple[str, ...]) -> None:
        assert self._clerk is not None  # noqa: S101
        found = self._clerk.choose(tried)
        with self._lock:
            self._carry_out(self._assembly.chosen(found, self._ticks()))

    def _save_for(self, node: int) -> None:
        """Saves a checkpoint that a node asks for, while all train."""
        assert self._clerk is not None  # noqa: S101
        if self._assembly.state != State.TRAINING:
            return
        try:
            saved = self._clerk.save(final=False)
        except (AgentError, OSError) as error:
            self._say(f"the checkpoint that node {node} asked for: {error}")
        else:
            self._say(f"node {node} asked for a checkpoint: {saved or 'nothing has changed'}")

    def _save_last(self) -> None:
        assert self._clerk is not None  # noqa: S101
        try:
            self._clerk.save(final=True)
        except (AgentError, OSError) as error:
            self._say(f"last checkpoint: {error}")
        with self._lock:
            self._carry_out(self._assembly.saved(self._ticks()))

"""A node's side of the connection to node 0: says what its rank does, and hears what all are to do."""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from runctl_auto.agent.contract import Phase, Reason
from runctl_auto.agent.errors import AgentError, UnreachableError
from runctl_auto.agent.job.stopping import StopRequest, StopSwitch
from runctl_auto.agent.nodes.leader import BEAT_SECONDS, CHUNK, SILENT_SECONDS
from runctl_auto.agent.nodes.messages import (
    Do,
    Lines,
    Message,
    Place,
    Round,
    Say,
    checkpoint_of,
    is_proof,
    line_of,
    outcome_as_json,
    place_as_json,
    proof,
    read_outcome,
    read_request,
    read_round,
    request_as_json,
    round_of,
)
from runctl_auto.agent.status import Outcome
from runctl_auto.agent.status_format import NodePhase
from runctl_auto.agent.untrusted import UnreadableError

CONNECT_SECONDS = 5.0
LOOK_SECONDS = 2.0
"""How often a node that has lost node 0 looks where it is now."""
ALONE_SECONDS = 2.0
"""A node that is asked to stop waits so long for the others before it stops alone."""
ALONE_GRACE_SECONDS = 1.5
READ_SECONDS = 0.1


@dataclass(frozen=True)
class Meeting:
    """Where node 0 listens."""

    address: str
    port: int
    key: bytes


def lost_node_0() -> StopRequest:
    """What ends a rank that has nobody to train with."""
    return StopRequest(Phase.INTERRUPTED, Reason.INTERRUPTION, "node 0 is lost", ALONE_GRACE_SECONDS)


def request_of(outcome: Outcome) -> StopRequest:
    """What ends whatever a node does of a run that has ended like this."""
    return StopRequest(outcome.phase, outcome.reason, outcome.message or "the run is over")


class RunIsOver(Exception):
    """The run has ended, whatever this node was about to do."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.message or outcome.reason)
        self.outcome = outcome


class MayLeave(Exception):
    """The node was asked to stop, and may."""


class StoresPart(Protocol):
    """This node's share of common checkpoints; `NodePart` describes it."""

    def has_changed(self) -> bool: ...
    def store(self, sequence: str, *, final: bool) -> None: ...


class Member:
    """The connection of one node, kept by a thread; the others' methods are for the thread that runs the job.

    `find` looks where node 0 listens: None while nobody knows. `ended` tells how the run has ended, None when
    it has not; it is asked while node 0 is away.
    """

    def __init__(
        self,
        place: Place,
        switch: StopSwitch,
        *,
        find: Callable[[], Meeting | None],
        ended: Callable[[], Outcome | None],
        free_port: Callable[[], int],
        hello: Callable[[], dict[str, Any]] = dict,
        say: Callable[[str], None],
        ticks: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self._place = place
        self._switch = switch
        self._find = find
        self._ended = ended
        self._free_port = free_port
        self._hello = hello
        self._say = say
        self._ticks = ticks
        self._wait = wait
        self._changed = threading.Condition()
        self._socket: socket.socket | None = None
        self._sending = threading.Lock()
        self._heard = 0.0
        self._standing: Message | None = None
        self._round = 0
        self._restore: tuple[int, str | None] | None = None
        self._start: Round | None = None
        self._stop: StopRequest | None = None
        self._again = False
        self._over: Outcome | None = None
        self._may_leave = False
        self._told_switch = False
        self._lone_since: float | None = None
        self._closing = threading.Event()
        self._is_training = False
        self.phase: str = Phase.FETCHING
        self.idle_seconds = 0.0
        """For how long this node's rank has been idle."""
        self.part: StoresPart | None = None

    def start(self) -> None:
        threading.Thread(target=self._keep, name="node", daemon=True).start()

    def close(self) -> None:
        self._closing.set()
        with self._sending:
            if self._socket is not None:
                self._socket.close()

    # For the thread that runs the job

    def meet(self, restore: Callable[[str | None], None]) -> Round:
        """Blocks until all nodes have restored the same checkpoint and start; calls `restore` with it.

        `restore` raises AgentError when it cannot. Raises RunIsOver, or MayLeave.
        """
        done: tuple[int, str | None] | None = None
        self.phase = NodePhase.READY
        with self._changed:
            self._stop, self._again, self._start, self._restore = None, False, None, None
        self._stand({"say": Say.READY, "port": self._free_port()})
        while True:
            with self._changed:
                self._raise_if_over()
                if self._start is not None:
                    found, self._standing = self._start, None
                    self._is_training, self._round = True, found.number
                    return found
                if self._again:
                    self._again = False
                    done = self._restore = None
                    ready: Message = {"say": Say.READY, "port": self._free_port()}
                else:
                    ready = {}
                wanted = self._restore
                if not ready and (wanted is None or wanted == done):
                    self._changed.wait(0.5)
                    continue
            if ready:
                self._stand(ready)
                continue
            done = wanted
            assert wanted is not None  # noqa: S101
            self._stand(None)
            self._tell(self._restored(wanted, restore))

    def _restored(self, wanted: tuple[int, str | None], restore: Callable[[str | None], None]) -> Message:
        number, checkpoint = wanted
        told = {"say": Say.RESTORED, "round": number, "checkpoint": checkpoint}
        try:
            restore(checkpoint)
        except (AgentError, OSError) as error:
            self._say(f"checkpoint {checkpoint} could not be restored: {error}")
            return {**told, "ok": False, "why": str(error)[:300]}
        return {**told, "ok": True}

    def order(self) -> StopRequest | None:
        """How the rank is to stop now; None while it may go on."""
        with self._changed:
            if self._stop is not None:
                return self._stop
            if self._over is not None:
                return request_of(self._over)
            return self._switch.request if self._left_alone() else None

    def ask_for_checkpoint(self) -> None:
        """Asks node 0 to save what all nodes have."""
        self._tell({"say": Say.SAVE})

    def pause(self, seconds: float) -> None:
        """Blocks for so long, or until there is an order."""
        with self._changed:
            if self._stop is None and self._over is None:
                self._changed.wait(seconds)

    def settle(self, outcome: Outcome) -> Outcome | None:
        """Says how the rank, or its setup, has ended; blocks until it is known what becomes of the run: its
        outcome, or None to start again. Raises MayLeave."""
        with self._changed:
            was_training, self._is_training = self._is_training, False
            self._again = False
        told: Message = {"say": Say.ENDED, "round": self._round, "outcome": outcome_as_json(outcome)}
        if was_training:
            self._tell(told)
        else:
            self._stand(told)
        with self._changed:
            while True:
                if self._over is not None:
                    return self._over
                if self._may_leave or self._left_alone():
                    raise MayLeave
                if self._again:
                    self._again = False
                    return None
                if was_training and self._socket is None:
                    return None  # node 0 is away: the round is over
                self._changed.wait(0.5)

    def _raise_if_over(self) -> None:
        if self._over is not None:
            raise RunIsOver(self._over)
        if self._may_leave or self._left_alone():
            raise MayLeave

    def _left_alone(self) -> bool:
        """Whether it was asked to stop and there is no node 0 to tell."""
        alone = self._lone_since is not None and self._switch.request is not None
        return alone and self._ticks() - (self._lone_since or 0.0) >= ALONE_SECONDS

    # The connection

    def _stand(self, message: Message | None) -> None:
        """Says it, now and again to each node 0 that comes."""
        with self._changed:
            self._standing = message
        if message is not None:
            self._tell(message)

    def _tell(self, message: Message) -> None:
        with self._sending:
            if self._socket is None:
                return
            with contextlib.suppress(OSError):  # the thread that reads finds it broken
                self._socket.sendall(line_of(message))

    def _keep(self) -> None:
        while not self._closing.is_set():
            try:
                self._connected()
            except (AgentError, OSError, UnreadableError) as error:
                if not self._closing.is_set() and self._over is None:
                    self._say_once(f"node 0 cannot be reached: {error}")
            self._disconnected()
            if self._over is None and not self._closing.is_set():
                self._look_for_end()
                self._closing.wait(LOOK_SECONDS if self._lone_since is not None else 0.1)

    _last_said = ""

    def _say_once(self, text: str) -> None:
        if text != self._last_said:
            self._last_said = text
            self._say(text)

    def _look_for_end(self) -> None:
        try:
            outcome = self._ended()
        except (AgentError, OSError):
            return
        if outcome is not None:
            self._take_over(outcome)

    def _disconnected(self) -> None:
        with self._sending:
            if self._socket is not None:
                self._socket.close()
            self._socket = None
        with self._changed:
            if self._lone_since is None:
                self._lone_since = self._ticks()
            self._told_switch = False
            is_training = self._is_training or self._start is not None
            if is_training and self._stop is None:
                self._stop = self._switch.request or lost_node_0()
            self._restore = None
            if not is_training and self._standing is None:
                self._again = True
            self._changed.notify_all()

    def _connected(self) -> None:
        """Finds node 0 and serves the connection to its end."""
        meeting = self._find()
        if meeting is None:
            return
        with socket.create_connection((meeting.address, meeting.port), CONNECT_SECONDS) as found:
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            found.settimeout(READ_SECONDS)
            lines = Lines()
            self._introduce(found, lines, meeting)
            with self._sending:
                self._socket = found
            with self._changed:
                self._lone_since = None
                standing = self._standing
            self._say_once("connected to node 0")
            if standing is not None:
                self._tell(standing)
            self._serve(found, lines)

    def _introduce(self, found: socket.socket, lines: Lines, meeting: Meeting) -> None:
        challenge = self._next(found, lines)
        nonce = secrets.token_hex(16)
        node = str(self._place.node)
        hello = {
            **self._hello(),
            "say": Say.HELLO,
            "place": place_as_json(self._place),
            "proof": proof(meeting.key, str(challenge.get("nonce")), node),
            "nonce": nonce,
        }
        found.sendall(line_of(hello))
        welcome = self._next(found, lines)
        if not is_proof(meeting.key, welcome.get("welcome"), nonce, "leader"):
            raise UnreachableError("something else listens where node 0 was")

    def _next(self, found: socket.socket, lines: Lines) -> Message:
        deadline = self._ticks() + CONNECT_SECONDS
        while self._ticks() < deadline:
            try:
                data = found.recv(CHUNK)
            except socket.timeout:  # noqa: UP041 - another one on Python 3.9
                continue
            if not data:
                break
            for message in lines.take(data):
                return message
        raise UnreachableError("node 0 does not answer")

    def _serve(self, found: socket.socket, lines: Lines) -> None:
        self._heard = self._ticks()
        beaten = 0.0
        while not self._closing.is_set():
            try:
                data = found.recv(CHUNK)
            except socket.timeout:  # noqa: UP041 - another one on Python 3.9
                data = None
            now = self._ticks()
            if data == b"":
                return
            if data:
                self._heard = now
                for message in lines.take(data):
                    self._take(message)
            if now - self._heard >= SILENT_SECONDS:
                raise UnreachableError("node 0 is silent")
            if now - beaten >= BEAT_SECONDS:
                beaten = now
                self._tell({"say": Say.BEAT, "phase": self.phase, "idle": round(self.idle_seconds, 1)})
            self._tell_switch()

    def _tell_switch(self) -> None:
        request = self._switch.request
        if request is None or self._told_switch or self._over is not None:
            return
        self._told_switch = True
        self._tell({"say": Say.LEAVING, "request": request_as_json(request)})

    def _take(self, message: Message) -> None:
        do = message.get("do")
        if do == Do.BEAT:
            return
        if do == Do.END:
            self._take_over(read_outcome(message.get("outcome")))
            return
        if do in (Do.LOOK, Do.SAVE):
            threading.Thread(
                target=self._serve_part, args=(message,), name="node's part", daemon=True
            ).start()
            return
        with self._changed:
            if do == Do.RESTORE:
                self._restore = (round_of(message), checkpoint_of(message))
            elif do == Do.START:
                self._start = read_round(message)
            elif do == Do.STOP and self._stop is None:
                self._stop = self._own_request(read_request(message.get("request")))
            elif do == Do.AGAIN:
                self._again = True
                if self._is_training and self._stop is None:
                    self._stop = lost_node_0()
            elif do == Do.LEAVE:
                self._may_leave = True
            self._changed.notify_all()

    def _own_request(self, request: StopRequest) -> StopRequest:
        """The node whose machine is taken away knows until when."""
        own = self._switch.request
        return replace(own, grace_seconds=request.grace_seconds) if own is not None else request

    def _take_over(self, outcome: Outcome) -> None:
        with self._changed:
            if self._over is None:
                self._over = outcome
            self._changed.notify_all()
        # Whatever it does meanwhile, setup for example, ends.
        if self.phase in (Phase.FETCHING, Phase.SETUP):
            self._switch.set(request_of(outcome))

    def _serve_part(self, message: Message) -> None:
        """Looks at this node's share of a checkpoint, or stores it."""
        part, sequence = self.part, checkpoint_of(message)
        looking = message.get("do") == Do.LOOK
        told: dict[str, Any] = {"say": Say.LOOKED if looking else Say.SAVED, "checkpoint": sequence}
        try:
            if part is not None and looking:
                told["changed"] = part.has_changed()
            elif part is not None and sequence is not None:
                part.store(sequence, final=message.get("final") is True)
            told["ok"] = part is not None
        except Exception as error:
            told.update(ok=False, why=str(error)[:300] or repr(error))
        self._tell(told)

"""Sessions: who opened them, and the data channels that connect a client with an instance's agent."""

from __future__ import annotations

import json
import secrets
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.aws.cloud.aws_error import AwsError
from sandbox.aws.cloud.session_manager.nodes import Nodes
from sandbox.hosts.guest import session_messages as messages
from sandbox.hosts.guest.websocket_frames import BINARY, TEXT, Closed, WebSocket

End = Literal["client", "agent"]
SHELL = "SSM-SessionManagerRunShell"
_TYPES = {
    SHELL: "Standard_Stream",
    "AWS-StartInteractiveCommand": "InteractiveCommands",
    "AWS-StartNonInteractiveCommand": "NonInteractiveCommands",
    "AWS-StartPortForwardingSession": "Port",
}
_KEPT_MESSAGES = 20_000
"""For an end that is not connected; further ones are lost, and sent again by the other end."""
_REMEMBERED = 1000


@dataclass
class Session:
    id: str
    target: str
    owner: str
    document: str
    reason: str
    started: float
    properties: dict[str, Any]
    tokens: dict[End, str] = field(default_factory=dict)
    ends: dict[End, WebSocket] = field(default_factory=dict)
    waiting: dict[End, deque[bytes]] = field(
        default_factory=lambda: {
            "client": deque(maxlen=_KEPT_MESSAGES),
            "agent": deque(maxlen=_KEPT_MESSAGES),
        }
    )
    status: str = "Connected"
    ended: float | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Sessions:
    """By id. Thread-safe. `is_cut_off`: an instance has no network or hangs, and its messages are lost."""

    def __init__(
        self,
        nodes: Nodes,
        is_running: Callable[[str], bool],
        is_cut_off: Callable[[str], bool],
        clock: Callable[[], float],
    ) -> None:
        self._nodes = nodes
        self._is_running = is_running
        self._is_cut_off = is_cut_off
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def start(self, asked: dict[str, Any], owner: str, address: str) -> dict[str, Any] | AwsError:
        """`address` is host and port of the cloud, as the caller sees it."""
        target = str(asked.get("Target"))
        document = str(asked.get("DocumentName") or SHELL)
        parameters = asked.get("Parameters") or {}
        kind = _TYPES.get(document)
        if kind is None:
            return AwsError("InvalidDocument", f"The sandbox has the documents {', '.join(sorted(_TYPES))}")
        if not self._is_running(target) or not self._nodes.is_connected(target):
            return AwsError("TargetNotConnected", f"{target} is not connected.")
        properties = _properties(kind, parameters)
        if isinstance(properties, AwsError):
            return properties
        name = f"{owner.rpartition('/')[2]}-{secrets.token_hex(9)[:17]}"
        reason = str(asked.get("Reason") or "")
        made = Session(name, target, owner, document, reason, self._clock(), properties)
        with self._lock:
            self._sessions[name] = made
            while len(self._sessions) > _REMEMBERED:
                self._sessions.pop(next(iter(self._sessions)))
        self._nodes.send(
            target, {"Kind": "session", "SessionId": name, "SessionType": kind, "Properties": properties}
        )
        return self._opened(made, address)

    def resume(self, asked: dict[str, Any], address: str) -> dict[str, Any] | AwsError:
        found = self._sessions.get(str(asked.get("SessionId")))
        if found is None:
            return AwsError("DoesNotExistException", f"no session {asked.get('SessionId')}")
        if found.status != "Connected":
            return {"SessionId": found.id}
        return self._opened(found, address)

    def terminate(self, asked: dict[str, Any]) -> dict[str, Any] | AwsError:
        found = self._sessions.get(str(asked.get("SessionId")))
        if found is not None:
            self._end(found, "Terminated")
        return {"SessionId": str(asked.get("SessionId"))}

    def describe(self, asked: dict[str, Any]) -> dict[str, Any] | AwsError:
        active = asked.get("State") == "Active"
        wanted = {str(each.get("key")): str(each.get("value")) for each in asked.get("Filters") or ()}
        unknown = wanted.keys() - {"Target", "Owner", "SessionId"}
        if unknown:
            return AwsError("InvalidFilterKey", f"The sandbox's sessions have no filter {', '.join(unknown)}")
        with self._lock:
            found = list(self._sessions.values())
        shown = [
            _described(each)
            for each in sorted(found, key=lambda session: -session.started)
            if (each.status == "Connected") == active
            and all(_field(each, key) == value for key, value in wanted.items())
        ]
        return {"Sessions": shown[: int(asked.get("MaxResults") or 200)]}

    def open_agent_channel(self, session: str, instance: str) -> dict[str, Any] | AwsError:
        """The token with which the instance's agent opens its end."""
        found = self._sessions.get(session)
        if found is None or found.target != instance or found.status != "Connected":
            return AwsError("InvalidSession", f"no session {session} of {instance}", 404)
        found.tokens["agent"] = secrets.token_urlsafe(48)
        return {"TokenValue": found.tokens["agent"]}

    def serve(self, session: str, web: WebSocket) -> None:
        """One end of a session's data channel, until it closes. Its first message says who it is."""
        found = self._sessions.get(session)
        try:
            end = _end_of(found, web)
            if found is None or end is None:
                return
            self._connect(found, end, web)
            while True:
                kind, data = web.receive()
                if kind == BINARY:
                    self._pass_on(found, end, data)
        except (Closed, messages.NotAMessage):
            pass
        finally:
            web.close()
            if found is not None:
                self._left(found, web)

    def _opened(self, session: Session, address: str) -> dict[str, Any]:
        session.tokens["client"] = secrets.token_urlsafe(48)
        url = f"ws://{address}/v1/data-channel/{session.id}?role=publish_subscribe"
        return {"SessionId": session.id, "TokenValue": session.tokens["client"], "StreamUrl": url}

    def _connect(self, session: Session, end: End, web: WebSocket) -> None:
        with session.lock:
            earlier = session.ends.get(end)
            session.ends[end] = web
            while session.waiting[end]:
                web.send(session.waiting[end].popleft())
        if earlier is not None:
            earlier.close()
        if session.status != "Connected":
            web.send(messages.channel_closed(session.id, session.target, "").encoded())

    def _pass_on(self, session: Session, end: End, data: bytes) -> None:
        if self._is_cut_off(session.target):
            return
        if end == "agent" and data[4:36].strip() == messages.AGENT_STATE.encode():
            self._end(session, "Terminated")
            return
        other: End = "client" if end == "agent" else "agent"
        with session.lock:
            web = session.ends.get(other)
            if web is None:
                session.waiting[other].append(data)
                return
        try:
            web.send(data)
        except Closed:
            session.waiting[other].append(data)

    def _left(self, session: Session, web: WebSocket) -> None:
        """A client may come back with ResumeSession; a session whose agent is gone has ended."""
        with session.lock:
            was = [end for end, held in session.ends.items() if held is web]
            for end in was:
                del session.ends[end]
        if "agent" in was:
            self._end(session, "Terminated")

    def _end(self, session: Session, status: str) -> None:
        with session.lock:
            if session.status != "Connected":
                return
            session.status, session.ended = status, self._clock()
            ends = dict(session.ends)
        closing = messages.channel_closed(session.id, session.target, "").encoded()
        for end in ("client", "agent"):
            web = ends.get(end)
            if web is not None:
                try:
                    web.send(closing)
                except Closed:
                    continue


def _properties(kind: str, parameters: dict[str, Any]) -> dict[str, Any] | AwsError:
    values = {name: str(value[0]) for name, value in parameters.items() if value}
    if kind == "Port":
        if not values.get("portNumber", "").isdigit():
            return AwsError("InvalidParameters", "portNumber is needed")
        local = values.get("localPortNumber", "0")
        return {"portNumber": values["portNumber"], "localPortNumber": local, "type": "LocalPortForwarding"}
    if kind in ("InteractiveCommands", "NonInteractiveCommands") and not values.get("command"):
        return AwsError("InvalidParameters", "command is needed")
    return {"commands": values.get("command", "")}


def _end_of(session: Session | None, web: WebSocket) -> End | None:
    """Who has opened this end, by the token in its first message."""
    kind, data = web.receive()
    if session is None or kind != TEXT:
        return None
    try:
        token = str(json.loads(data)["TokenValue"])
    except (ValueError, KeyError, TypeError):
        return None
    for end in ("client", "agent"):
        known = session.tokens.get(end)
        if known is not None and secrets.compare_digest(known, token):
            return end
    return None


def _field(session: Session, key: str) -> str:
    return {"Target": session.target, "Owner": session.owner, "SessionId": session.id}[key]


def _described(session: Session) -> dict[str, Any]:
    told: dict[str, Any] = {
        "SessionId": session.id,
        "Target": session.target,
        "Status": session.status,
        "StartDate": session.started,
        "DocumentName": session.document,
        "Owner": session.owner,
        "Reason": session.reason,
    }
    return {**told, "EndDate": session.ended} if session.ended is not None else told

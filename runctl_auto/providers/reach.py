"""The part of the provider contract about reaching a machine: commands on it, and sessions with it.

Nobody's key and no open port: the provider's own service carries both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from socket import socket
from typing import Literal, Protocol

CommandPhase = Literal["waiting", "running", "ended", "undelivered", "cancelled", "timed-out"]
"""``waiting``: the machine has not taken it yet; ``undelivered``: it did not in time."""

Connection = Literal["connected", "lost", "unknown"]
"""Whether the provider's service reaches a machine: it does, it did before, or it has never heard of it."""


@dataclass(frozen=True)
class SentCommand:
    """A command as it is now. ``code`` is the script's own, -1 before its end; ``out`` and ``error`` are the
    beginning of what it wrote, 24,000 and 8,000 characters at most."""

    phase: CommandPhase
    code: int = -1
    out: str = ""
    error: str = ""

    @property
    def is_over(self) -> bool:
        return self.phase not in ("waiting", "running")


@dataclass(frozen=True)
class OpenedSession:
    """A session that waits for its client. ``token`` admits it: it belongs in no argument, log or
    output."""

    id: str
    machine: str
    url: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class SeenSession:
    """A session that the provider knows of. ``who`` is the provider's name of the identity that opened it;
    ``ended_at`` is None while it is open. Times are in UTC."""

    id: str
    machine: str
    who: str
    kind: str
    started_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True)
class ClientCommand:
    """A program that serves a session. ``variables`` are for its environment alone: one holds the token."""

    arguments: tuple[str, ...]
    variables: Mapping[str, str] = field(repr=False)


class Link(Protocol):
    """A session that this process serves."""

    def open(self) -> None:
        """Connects. Blocks for some seconds. Raises ``MachineNotReachableError``."""

    def wait(self, seconds: float | None = None) -> bool:
        """Whether it has ended, after ``seconds`` at most."""

    @property
    def why(self) -> str:
        """Why it has ended, as the provider tells it; empty for the usual end."""

    def close(self) -> None:
        """Ends it. Idempotent."""


class TerminalLink(Link, Protocol):
    """A session with a terminal of the machine. Its methods may be called from several threads."""

    def type(self, data: bytes) -> None:
        """Types what a person types, control characters included."""

    def resize(self, rows: int, columns: int) -> None: ...


class PortLink(Link, Protocol):
    """A session that carries connections to a port."""

    def carry(self, connection: socket) -> None:
        """Carries one connection, in the background, and closes it at its end."""


class Reach(Protocol):
    """Commands and sessions of one region's machines. Every method blocks and makes one request, unless it
    says otherwise.

    Raises ``MachineNotReachableError`` where the service does not reach the machine, ``AccessDeniedError``
    where the caller may not ask.
    """

    def connection(self, machine: str) -> Connection:
        """Whether the service reaches the machine now."""

    def send(self, machine: str, script: str, *, seconds: int, comment: str) -> str:
        """Has ``script`` run by ``sh`` as the system's administrator, for ``seconds`` at most; the id of the
        command. ``comment`` is shown to everybody who may list commands."""

    def command(self, machine: str, identity: str) -> SentCommand:
        """The command as it is now. One that was sent within the last second may be ``waiting``."""

    def open_terminal(self, machine: str, command: str, *, reason: str) -> OpenedSession:
        """A session that runs ``command`` on a terminal of the machine, as a user who may become its
        administrator by ``sudo``."""

    def open_port(self, machine: str, port: int, *, local: int, reason: str) -> OpenedSession:
        """A session that carries connections to ``port`` of the machine. ``local`` is told to the provider's
        own client: the port that it listens on."""

    def resume(self, session: OpenedSession) -> OpenedSession | None:
        """The session with a new token, after its connection was lost; None when it has ended."""

    def end(self, session: str) -> None:
        """Ends a session. Idempotent."""

    def sessions(self, machine: str) -> tuple[SeenSession, ...]:
        """The sessions of the machine that are open or ended within 30 days, the newest first. Two
        requests."""

    def write_log(self, group: str, stream: str, text: str) -> None:
        """Writes one event to a new ``stream`` of a log group. Two requests."""

    def write_object(self, bucket: str, key: str, text: str) -> None:
        """Writes an object to a bucket, of whatever account."""

    def client_command(self, session: OpenedSession) -> ClientCommand | None:
        """The provider's own program, which serves the session from a terminal; None where it is not
        installed. Makes no request."""

    def require_client(self) -> None:
        """Raises ``ExtraMissingError`` when sessions can be served neither by the provider's own program nor
        in this process."""

    def terminal(self, session: OpenedSession, write: Callable[[bytes], None]) -> TerminalLink:
        """The session served in this process; ``write`` gets what the terminal shows. Makes no request."""

    def port(self, session: OpenedSession, refused: Callable[[], None]) -> PortLink:
        """Likewise; ``refused`` is called when nothing listens on the machine's port. Makes no request."""

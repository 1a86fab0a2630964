"""Which user is at the other end of a connection on the loopback interface."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_ESTABLISHED, _LISTENING = "01", "0A"


def read_tables() -> str:
    """The kernel's tables of connections, one after the other; empty where there are none."""
    found = []
    for table in _TABLES:
        with contextlib.suppress(OSError):
            found.append(table.read_text(encoding="ascii"))
    return "".join(found)


class PeerCheck:
    """Tells connections of this user from those of others.

    By the uid that Linux notes in ``/proc/net/tcp`` for the other end's socket. Where these tables are
    missing or do not show the host's own port (other systems, some sandboxes), nobody can be told apart and
    everybody is admitted: there, the random port and the list of folders are what protects the host.
    """

    def __init__(self, port: int, tables: Callable[[], str] = read_tables, uid: int | None = None) -> None:
        self._port, self._tables = port, tables
        self._uid = os.getuid() if uid is None else uid

    def refusal(self, peer: str) -> str | None:
        """Why a connection from ``peer`` (as gRPC writes it) is refused; None when it is admitted."""
        rows = _rows(self._tables())
        server = _addresses(self._port)
        if not any(local in server and state == _LISTENING for local, _, state, _ in rows):
            return None
        address, _, port = peer.rpartition(":")
        client = _addresses(int(port)) if address == "ipv4:127.0.0.1" else ()
        owners = {
            uid
            for local, remote, state, uid in rows
            if local in client and remote in server and state == _ESTABLISHED
        }
        if owners == {self._uid}:
            return None
        return "This language host serves the user who started it, and the connection is not of that user."


def _rows(tables: str) -> list[tuple[str, str, str, int]]:
    """Local address, remote address, state and uid of each connection."""
    found = []
    for line in tables.splitlines():
        fields = line.split()
        if len(fields) > 7 and fields[7].isdigit():
            found.append((fields[1], fields[2], fields[3], int(fields[7])))
    return found


def _addresses(port: int) -> tuple[str, str]:
    """The loopback address with this port, as the tables write it: of IPv4, and of IPv4 in an IPv6 socket."""
    words = (b"\0" * 4, b"\0" * 4, b"\0\0\xff\xff", socket.inet_aton("127.0.0.1"))
    numbers = [f"{int.from_bytes(word, sys.byteorder):08X}" for word in words]
    return f"{numbers[-1]}:{port:04X}", f"{''.join(numbers)}:{port:04X}"

"""Which user is at the other end of a connection on the loopback interface."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

_TABLE = Path("/proc/net/tcp")
_ESTABLISHED, _LISTENING = "01", "0A"


def read_table() -> str | None:
    """The kernel's table of IPv4 connections; None where there is none."""
    try:
        return _TABLE.read_text(encoding="ascii")
    except OSError:
        return None


class PeerCheck:
    """Tells connections of this user from those of others.

    By the uid that Linux notes in ``/proc/net/tcp`` for the other end's socket. Where that table is missing
    or does not show the host's own port (other systems, some sandboxes), nobody can be told apart and everybody
    is admitted: there, the random port and the list of folders are what protects the host.
    """

    def __init__(
        self, port: int, table: Callable[[], str | None] = read_table, uid: int | None = None
    ) -> None:
        self._port, self._table = port, table
        self._uid = os.getuid() if uid is None else uid

    def refusal(self, peer: str) -> str | None:
        """Why a connection from ``peer`` (as gRPC writes it) is refused; None when it is admitted."""
        rows = _rows(self._table() or "")
        server = _address(self._port)
        if not any(local == server and state == _LISTENING for local, _, state, _ in rows):
            return None
        client = _address(int(peer.rpartition(":")[2])) if peer.startswith("ipv4:127.0.0.1:") else ""
        owners = {
            uid
            for local, remote, state, uid in rows
            if (local, remote, state) == (client, server, _ESTABLISHED)
        }
        if owners == {self._uid}:
            return None
        return "This language host serves the user who started it, and the connection is not of that user."


def _rows(table: str) -> list[tuple[str, str, str, int]]:
    """Local address, remote address, state and uid of each connection."""
    found = []
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7:
            found.append((fields[1], fields[2], fields[3], int(fields[7])))
    return found


def _address(port: int) -> str:
    """The loopback address with this port, as the table writes it."""
    number = int.from_bytes(socket.inet_aton("127.0.0.1"), sys.byteorder)
    return f"{number:08X}:{port:04X}"

"""Asks the kernel for the socket at the client's end of a connection on the loopback interface.

Linux answers a query for one connection (netlink, ``sock_diag(7)``) at once and exactly. Where that is not
allowed, its tables in ``/proc/net`` are read instead; a read while connections come and go may miss a row or
show it twice, so that it is repeated.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ESTABLISHED = 1
_SOCK_DIAG, _BY_FAMILY, _REQUEST, _ERROR = 4, 20, 1, 2
_HEADER, _BODY = 16, 72
_NO_SUCH_SOCKET = 2
_ANY_STATE, _ANY_COOKIE = 0xFFFFFFFF, b"\xff" * 8
_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_READS = 10


@dataclass(frozen=True)
class ClientSocket:
    """A socket by its state, the user that owns it, and its inode; 0 once no process holds it."""

    state: int
    uid: int
    inode: int


Find = Callable[[int, int], "ClientSocket | None"]
"""The client's socket of a connection between two ports of 127.0.0.1, client first; None when there is none.

Raises ``OSError`` where the kernel does not say.
"""


def find_socket(client: int, server: int) -> ClientSocket | None:
    """As ``Find``, by netlink, else from the tables."""
    try:
        return answer_of(_ask(client, server))
    except OSError:
        return find_in_tables(client, server)


def _ask(client: int, server: int) -> bytes:
    address = socket.inet_aton("127.0.0.1").ljust(16, b"\0")
    connection = struct.pack("!HH", client, server) + address + address + struct.pack("=I", 0) + _ANY_COOKIE
    request = struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, _ANY_STATE) + connection
    header = struct.pack("=IHHII", _HEADER + len(request), _BY_FAMILY, _REQUEST, 1, 0)
    kinds = socket.SOCK_RAW | socket.SOCK_CLOEXEC
    with socket.socket(socket.AF_NETLINK, kinds, _SOCK_DIAG) as kernel:
        kernel.settimeout(5)
        kernel.sendto(header + request, (0, 0))
        return kernel.recv(65536)


def answer_of(message: bytes) -> ClientSocket | None:
    """The socket in an answer of ``sock_diag``. Raises ``OSError`` for any other answer."""
    kind = struct.unpack_from("=IH", message)[1] if len(message) >= _HEADER else None
    if kind == _ERROR and len(message) >= _HEADER + 4:
        number = -struct.unpack_from("=i", message, _HEADER)[0]
        if number == _NO_SUCH_SOCKET:
            return None
        raise OSError(number, "the kernel does not answer questions about connections")
    if kind != _BY_FAMILY or len(message) < _HEADER + _BODY:
        raise OSError("the kernel's answer about a connection is not understood")
    state = struct.unpack_from("=B", message, _HEADER + 1)[0]
    uid, inode = struct.unpack_from("=II", message, _HEADER + 64)
    return ClientSocket(state, uid, inode)


def read_tables() -> str:
    """The kernel's tables of connections, one after the other; empty where there are none."""
    found = []
    for table in _TABLES:
        with contextlib.suppress(OSError):
            found.append(table.read_text(encoding="ascii"))
    return "".join(found)


def find_in_tables(client: int, server: int, tables: Callable[[], str] = read_tables) -> ClientSocket | None:
    """As ``Find``. Raises ``OSError`` where the tables do not show that the server listens."""
    listens = False
    for _ in range(_READS):
        rows = list(_rows(tables(), server))
        listens = listens or any(row[0] in _addresses(server) and row[2] == "0A" for row in rows)
        found = {row[2:] for row in rows if row[0] in _addresses(client) and row[1] in _addresses(server)}
        if len(found) == 1:
            state, uid, inode = found.pop()
            return ClientSocket(int(state, 16), int(uid), int(inode))
    if not listens:
        raise OSError("the kernel does not show the connections (/proc/net/tcp)")
    return None


def _rows(tables: str, port: int) -> list[tuple[str, str, str, str, str]]:
    """Local and remote address, state, user and inode of the connections from or to a port."""
    found, mark = [], f":{port:04X} "
    for line in tables.splitlines():
        fields = line.split() if mark in line else []
        if len(fields) > 9 and fields[7].isdigit() and fields[9].isdigit():
            found.append((fields[1], fields[2], fields[3], fields[7], fields[9]))
    return found


def _addresses(port: int) -> tuple[str, str]:
    """The loopback address with this port, as the tables write it: of IPv4, and of IPv4 in an IPv6 socket."""
    words = (b"\0" * 4, b"\0" * 4, b"\0\0\xff\xff", socket.inet_aton("127.0.0.1"))
    numbers = [f"{int.from_bytes(word, sys.byteorder):08X}" for word in words]
    return f"{numbers[-1]}:{port:04X}", f"{''.join(numbers)}:{port:04X}"

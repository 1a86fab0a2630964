"""Which process is at the other end of a connection on the loopback interface, and whether it is served.

A port of the loopback interface is open to every user of the machine and to every container that shares its
network. Pulumi's engine has nothing to show when it connects to a host or provider that it is told to attach
to, so the server looks the connection up in the kernel's tables: its user, and the process that holds it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_PROCESSES = Path("/proc")
_ESTABLISHED, _LISTENING = "01", "0A"
_KEPT = 256
_DEEPEST = 64

Admits = Callable[[int], bool]
"""Whether a process, by its id, may use the server."""


@dataclass(frozen=True)
class _Row:
    """A connection: both addresses as the kernel writes them, its state, and the owner and inode of its
    socket."""

    local: str
    remote: str
    state: str
    uid: int
    inode: int


def read_tables() -> str:
    """The kernel's tables of connections, one after the other; empty where there are none."""
    found = []
    for table in _TABLES:
        with contextlib.suppress(OSError):
            found.append(table.read_text(encoding="ascii"))
    return "".join(found)


def holders_of(inode: int, processes: Path = _PROCESSES) -> Iterator[int]:
    """Ids of the processes that hold the socket with this inode, the youngest first, as far as this user may
    look."""
    link = f"socket:[{inode}]"
    for process in sorted((int(each) for each in os.listdir(processes) if each.isdigit()), reverse=True):  # noqa: PTH208
        folder = f"{processes}/{process}/fd"
        with contextlib.suppress(OSError), os.scandir(folder) as descriptors:
            for each in descriptors:
                if _target(each.path) == link:
                    yield process
                    break


def descends_from(ancestor: int, processes: Path = _PROCESSES) -> Admits:
    """Admits a process and all that it has started, directly or not, while their parents live."""

    def admits(process: int) -> bool:
        for _ in range(_DEEPEST):
            if process == ancestor:
                return True
            process = _parent(process, processes)
            if process <= 1:
                return process == ancestor
        return False

    return admits


def has_in_environment(variable: str, value: str, processes: Path = _PROCESSES) -> Admits:
    """Admits processes that were started with this value of a variable, which must be a secret: the
    environment of a process can be read by its own user only."""
    wanted = f"{variable}={value}".encode()

    def admits(process: int) -> bool:
        try:
            environment = (processes / str(process) / "environ").read_bytes()
        except OSError:
            return False
        return wanted in environment.split(b"\0")

    return admits


class PeerCheck:
    """Tells the connections that a server on a loopback port serves from all others.

    A connection is served when the kernel says that its other end is a socket of this user, held by a process
    that ``admits`` accepts. Where the kernel's tables do not show the server's own port, nothing can be told
    and every connection is refused. On systems that have no such tables (``has_tables`` false: not Linux),
    every connection is admitted: there, the random port and what the server is willing to do are all that
    protects it. Safe to use from several threads.
    """

    def __init__(
        self,
        port: int,
        admits: Admits,
        *,
        tables: Callable[[], str] = read_tables,
        holders: Callable[[int], Iterator[int]] = holders_of,
        uid: int | None = None,
        has_tables: bool = sys.platform == "linux",
    ) -> None:
        self._port, self._admits = port, admits
        self._tables, self._holders = tables, holders
        self._uid = os.getuid() if uid is None else uid
        self._has_tables = has_tables
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, int], bool] = OrderedDict()

    def refusal(self, peer: str) -> str | None:
        """Why a connection from ``peer`` (as gRPC writes it) is refused; None when it is admitted."""
        if not self._has_tables:
            return None
        rows = _rows(self._tables(), self._port)
        server = _addresses(self._port)
        if not any(row.local in server and row.state == _LISTENING for row in rows):
            return "The kernel does not show who connects (/proc/net/tcp), so nobody is served."
        address, _, port = peer.rpartition(":")
        client = _addresses(int(port)) if address == "ipv4:127.0.0.1" else ()
        found = [
            row for row in rows if row.local in client and row.remote in server and row.state == _ESTABLISHED
        ]
        if len(found) != 1 or found[0].uid != self._uid:
            return "This server serves the user who started it, and the connection is not of that user."
        if not self._is_known(peer, found[0].inode):
            return "This server serves the commands it was started for; another process has connected."
        return None

    def _is_known(self, peer: str, inode: int) -> bool:
        """Whether a holder of the socket is admitted; the answer is kept for as long as the socket is the
        same."""
        key = (peer, inode)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        verdict = inode > 0 and any(self._admits(process) for process in self._holders(inode))
        with self._lock:
            self._known[key] = verdict
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return verdict


def _target(link: str) -> str:
    with contextlib.suppress(OSError):
        return os.readlink(link)  # noqa: PTH115 - a path of the kernel's
    return ""


def _parent(process: int, processes: Path) -> int:
    """The parent's id; 0 when the process has ended."""
    try:
        stat = (processes / str(process) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])


def _rows(tables: str, port: int) -> list[_Row]:
    """The connections from or to a port; a machine may have thousands of others."""
    found, mark = [], f":{port:04X} "
    for line in tables.splitlines():
        if mark not in line:
            continue
        fields = line.split()
        if len(fields) > 9 and fields[7].isdigit() and fields[9].isdigit():
            found.append(_Row(fields[1], fields[2], fields[3], int(fields[7]), int(fields[9])))
    return found


def _addresses(port: int) -> tuple[str, str]:
    """The loopback address with this port, as the tables write it: of IPv4, and of IPv4 in an IPv6 socket."""
    words = (b"\0" * 4, b"\0" * 4, b"\0\0\xff\xff", socket.inet_aton("127.0.0.1"))
    numbers = [f"{int.from_bytes(word, sys.byteorder):08X}" for word in words]
    return f"{numbers[-1]}:{port:04X}", f"{''.join(numbers)}:{port:04X}"

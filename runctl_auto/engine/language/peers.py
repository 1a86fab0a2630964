"""Which process is at the other end of a connection on the loopback interface, and whether it is served.

A port of the loopback interface is open to every user of the machine and to every container that shares its
network. Pulumi's engine has nothing to show when it connects to a host or provider that it is told to attach
to, so the server looks the connection up in the kernel's tables: its user, and the process that holds it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path

from .loopback_sockets import ESTABLISHED, Find, find_socket

_PROCESSES = Path("/proc")
_KEPT = 256
_DEEPEST = 64

Admits = Callable[[int], bool]
"""Whether a process, by its id, may use the server."""


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
    that ``admits`` accepts. Where the kernel does not say, every connection is refused. On systems where it
    cannot be asked (``can_ask`` false: not Linux), every connection is admitted: there, the random port and
    what the server is willing to do are all that protects it. Safe to use from several threads.
    """

    def __init__(
        self,
        port: int,
        admits: Admits,
        *,
        find: Find = find_socket,
        holders: Callable[[int], Iterator[int]] = holders_of,
        uid: int | None = None,
        can_ask: bool = sys.platform == "linux",
    ) -> None:
        self._port, self._admits = port, admits
        self._find, self._holders = find, holders
        self._uid = os.getuid() if uid is None else uid
        self._can_ask = can_ask
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, int], bool] = OrderedDict()

    def refusal(self, peer: str) -> str | None:
        """Why a connection from ``peer`` (as gRPC writes it) is refused; None when it is admitted."""
        if not self._can_ask:
            return None
        address, _, port = peer.rpartition(":")
        try:
            found = self._find(int(port), self._port) if address == "ipv4:127.0.0.1" else None
        except OSError as error:
            return f"It cannot be told who connects, so nobody is served: {error}."
        if found is None or found.state != ESTABLISHED or found.uid != self._uid:
            return "This server serves the user who started it, and the connection is not of that user."
        if not self._is_known(peer, found.inode):
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

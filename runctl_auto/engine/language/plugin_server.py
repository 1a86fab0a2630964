"""The host that an engine starts as ``pulumi-language-python``: runs programs of any folder, for it."""

from __future__ import annotations

import argparse
import os
import signal
import stat
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import protocol
from .interpreters import interpreter, virtual_environment
from .packages import Package, packages_in, site_folders
from .processes import NewProcesses


def main(arguments: Sequence[str]) -> int:
    """Prints its port, and serves until the engine ends it or is gone. Arguments: those of a plugin, the last
    of which is the engine's address."""
    starter = os.getppid()
    engine = _engine_address(arguments)
    protocol.skip_sdk()
    from .server import serve
    from .servicer import LanguageRuntime

    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    reading, _lifeline = os.pipe()
    runtime = LanguageRuntime(_PluginSite(engine, NewProcesses(reading)))
    _, port = serve(runtime, starter)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    _watch_engine(ended)
    ended.wait()
    runtime.close()
    # The lifeline closes with this process, which ends whatever is left.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _engine_address(arguments: Sequence[str]) -> str | None:
    parser = argparse.ArgumentParser(prog="pulumi-language-python")
    parser.add_argument("--tracing", help="where to send traces; ignored")
    parser.add_argument("--logtostderr", action="store_true", help="ignored")
    parser.add_argument("-v", type=int, help="ignored")
    parser.add_argument("engine", nargs="?", help="the address of the engine")
    known, _ = parser.parse_known_args(arguments)
    address: str | None = known.engine
    return address


def _watch_engine(ended: threading.Event) -> None:
    """Sets the event when the engine is gone, however it went: it holds the other end of this process's
    standard input. An input that is no pipe, as in a shell, says nothing of an engine."""
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        threading.Thread(target=_await_end, args=(0, ended), daemon=True).start()


def _await_end(descriptor: int, ended: threading.Event) -> None:
    while os.read(descriptor, 4096):
        pass
    ended.set()


class _PluginSite:
    def __init__(self, engine: str | None, processes: NewProcesses) -> None:
        self._engine = engine
        self.processes = processes

    def engine_address(self, handshake: str | None) -> str | None:
        return handshake or self._engine

    def output(self, engine: str) -> Any:  # noqa: ARG002 - the engine reads this process's own streams
        from .output import OwnStreams

        return OwnStreams()

    def admit_program(self, folder: Path) -> None:
        """Every folder: the host acts for the user who runs the engine."""

    def admit_plugin(self, kind: str, folder: Path) -> None:
        """Every folder, as for programs."""

    def interpreter(self, root: Path, options: dict[str, Any]) -> tuple[str, Path | None]:
        return interpreter(root, options, os.environ), virtual_environment(root, options)

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def packages(self, python: str) -> list[Package]:
        return packages_in(site_folders(python, os.environ), os.environ)

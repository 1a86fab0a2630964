"""The host that a command attaches to its engines: serves the command's own folders, and ends with it."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import protocol
from .errors import FolderRefusedError
from .interpreters import virtual_environment
from .packages import Package, packages_of
from .processes import NewProcesses, Processes
from .warm import Preload, WarmProcesses, can_fork

_ANALYZER = "analyzer"


def main(arguments: Sequence[str]) -> int:  # noqa: ARG001
    """Reads its settings as a line of JSON from the standard input, prints its port, and serves until that
    input ends, which the command holds open.

    Settings: ``programs``, ``packs`` (folders), ``packages`` (modules of provider SDKs), ``modules`` and
    ``search`` of the warm parent; without modules there is none.
    """
    command = os.getppid()
    settings = json.loads(sys.stdin.readline())
    reading, _lifeline = os.pipe()
    processes = _processes(settings, reading)  # imports what the programs need while this process starts
    protocol.skip_sdk()
    from .server import serve
    from .servicer import LanguageRuntime

    runtime = LanguageRuntime(_AttachedSite(settings, processes))
    _, port = serve(runtime, command)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    with contextlib.suppress(KeyboardInterrupt):
        sys.stdin.read()
    runtime.close()
    processes.close()
    # The lifeline closes with this process, which ends whatever is left.
    sys.stderr.flush()
    os._exit(0)


def _processes(settings: Mapping[str, Any], lifeline: int) -> Processes:
    anew = NewProcesses(lifeline)
    if not settings["modules"] or not can_fork():
        return anew
    preload = Preload(settings["modules"], settings["search"])
    return WarmProcesses(sys.executable, os.environ, preload, lifeline, anew)


class _AttachedSite:
    def __init__(self, settings: Mapping[str, Any], processes: Processes) -> None:
        self.processes = processes
        self._programs = [Path(each).resolve() for each in settings["programs"]]
        self._packs = [Path(each).resolve() for each in settings["packs"]]
        self._packages: Sequence[str] = settings["packages"]

    def engine_address(self, handshake: str | None) -> str | None:
        return handshake

    def output(self, engine: str) -> Any:
        from .output import EngineLog

        return EngineLog(engine)

    def admit_program(self, folder: Path) -> None:
        _admit("program", folder, self._programs)

    def admit_plugin(self, kind: str, folder: Path) -> None:
        if kind != _ANALYZER:
            raise FolderRefusedError(
                f"This language host runs policy packs only, not a {kind} plugin: {folder}"
            )
        _admit("policy pack", folder, self._packs)

    def interpreter(self, root: Path, options: dict[str, Any]) -> tuple[str, Path | None]:
        virtual_environment(root, options)
        return sys.executable, None

    def environment(self) -> dict[str, str]:
        return dict(os.environ)

    def packages(self, python: str) -> list[Package]:  # noqa: ARG002
        return packages_of(self._packages, os.environ)


def _admit(what: str, folder: Path, served: Sequence[Path]) -> None:
    if folder.resolve() not in served:
        raise FolderRefusedError(
            f"This language host does not serve the {what} in {folder}.",
            next_step=f"It serves what its own command runs: {', '.join(map(str, served)) or 'none'}.",
        )

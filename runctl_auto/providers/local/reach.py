"""Commands beside a job of this machine, and shells: processes of the caller, with the job's environment."""

from __future__ import annotations

import os
import secrets
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from runctl_auto.agent.local import reach_start
from runctl_auto.agent.local.job_folder import JobFolder
from runctl_auto.agent.reach.reach_contract import LAUNCHER
from runctl_auto.errors import MachineNotReachableError, NotSupportedError
from runctl_auto.providers.reach import (
    ClientCommand,
    Connection,
    OpenedSession,
    PortLink,
    SeenSession,
    SentCommand,
    TerminalLink,
)

FolderOf = Callable[[str], "JobFolder | None"]
"""The folder of the job whose agent is this machine, None without one."""


@dataclass
class _Running:
    process: subprocess.Popen[bytes]
    out: Path
    error: Path


class LocalReach:
    """Implements ``providers.reach.Reach``."""

    def __init__(self, folder_of: FolderOf) -> None:
        self._folder_of = folder_of
        self._commands: dict[str, _Running] = {}
        self._terminals: dict[str, tuple[JobFolder, str]] = {}

    def connection(self, machine: str) -> Connection:
        return "connected" if self._folder_of(machine) is not None else "lost"

    def send(self, machine: str, script: str, *, seconds: int, comment: str) -> str:  # noqa: ARG002
        folder = self._folder(machine)
        _write_launcher(folder)
        identity = secrets.token_hex(8)
        place = folder.path / "reach"
        place.mkdir(mode=0o700, exist_ok=True)
        out, error = place / f"{identity}.out", place / f"{identity}.err"
        with out.open("wb") as out_file, error.open("wb") as error_file:
            process = subprocess.Popen(
                ["/bin/sh", "-c", script],
                cwd=folder.path,
                env={"RUNCTL_ROOT": str(folder.path), "PATH": os.defpath},
                stdin=subprocess.DEVNULL,
                stdout=out_file,
                stderr=error_file,
                start_new_session=True,
            )
        self._commands[identity] = _Running(process, out, error)
        return identity

    def command(self, machine: str, identity: str) -> SentCommand:  # noqa: ARG002
        running = self._commands[identity]
        code = running.process.poll()
        if code is None:
            return SentCommand("running")
        out, error = (each.read_text(errors="replace") for each in (running.out, running.error))
        for each in (running.out, running.error):
            each.unlink(missing_ok=True)
        return SentCommand("ended", code if code >= 0 else 128 - code, out, error)

    def open_terminal(self, machine: str, command: str, *, reason: str) -> OpenedSession:  # noqa: ARG002
        identity = secrets.token_hex(8)
        self._terminals[identity] = (self._folder(machine), shlex.split(command)[-1])
        return OpenedSession(identity, machine, "", "")

    def open_port(self, machine: str, port: int, *, local: int, reason: str) -> OpenedSession:  # noqa: ARG002
        raise NotSupportedError(
            f"A job of this machine listens on this machine: port {port} is there without forwarding.",
            where={"machine": machine, "provider": "local"},
            next_step=f"Connect to 127.0.0.1:{port}.",
        )

    def resume(self, session: OpenedSession) -> OpenedSession | None:  # noqa: ARG002
        return None

    def end(self, session: str) -> None:
        self._terminals.pop(session, None)

    def sessions(self, machine: str) -> tuple[SeenSession, ...]:  # noqa: ARG002
        return ()

    def write_log(self, group: str, stream: str, text: str) -> None:  # noqa: ARG002
        _refuse_cloud("sessions.log_group")

    def write_object(self, bucket: str, key: str, text: str) -> None:  # noqa: ARG002
        _refuse_cloud("sessions.log_bucket")

    def client_command(self, session: OpenedSession) -> ClientCommand | None:
        folder, program = self._terminals[session.id]
        return ClientCommand((*_program(folder), "shell", program), {})

    def require_client(self) -> None:
        """It is part of runctl."""

    def terminal(self, session: OpenedSession, write: Callable[[bytes], None]) -> TerminalLink:  # noqa: ARG002
        raise NotSupportedError(
            "`runctl shell` of a job of this machine needs a terminal.",
            where={"machine": session.machine, "provider": "local"},
            next_step="`runctl exec JOB -- COMMAND` runs a command without one.",
        )

    def port(self, session: OpenedSession, refused: Callable[[], None]) -> PortLink:  # noqa: ARG002
        raise NotSupportedError("A job of this machine needs no forwarding.", where={"provider": "local"})

    def _folder(self, machine: str) -> JobFolder:
        folder = self._folder_of(machine)
        if folder is None:
            raise MachineNotReachableError(
                f"The agent {machine} has ended.",
                where={"machine": machine, "provider": "local"},
                next_step="`runctl status JOB` shows how the job is.",
            )
        return folder


def _program(folder: JobFolder) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", reach_start.__file__, str(folder.path))


def _write_launcher(folder: JobFolder) -> None:
    """What scripts for machines call, in the job's own folder."""
    path = folder.path / LAUNCHER.lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}-{os.getpid()}")
    draft.write_text(f'#!/bin/sh\nexec {shlex.join(_program(folder))} "$@"\n', encoding="utf-8")
    draft.chmod(0o700)
    draft.replace(path)


def _refuse_cloud(setting: str) -> NoReturn:
    raise NotSupportedError(
        f"{setting} names a place in a cloud, and a job of this machine has none.",
        where={"setting": setting, "provider": "local"},
        next_step="Remove the setting for this project; runctl's own record of the session is kept.",
    )

"""``shell``: a shell of a job on its machine, with the job's environment, in its work folder."""

from __future__ import annotations

import shlex
import threading
from dataclasses import dataclass
from typing import Any

from runctl_auto.agent.reach.reach_contract import LAUNCHER, SHELL
from runctl_auto.jobs.reach.admission import admit
from runctl_auto.jobs.reach.machine import ReachedMachine, machine_of
from runctl_auto.jobs.session import Session
from runctl_auto.local.client_program import run_client
from runctl_auto.local.terminal import Terminal
from runctl_auto.providers.reach import OpenedSession, TerminalLink

_END_OF_INPUT = b"\x04"
_LAST_SECONDS = 60.0
"""How long the shell may take to end once its input has."""


@dataclass(frozen=True)
class ShellResult:
    """A session that has ended. ``why`` is the provider's reason; empty for the usual end."""

    job: str
    machine: str
    session: str
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"job": self.job, "machine": self.machine, "session": self.session, "why": self.why}


def shell(session: Session, name: str, terminal: Terminal, rank: int = 0) -> ShellResult:
    """Shows a shell on ``terminal`` until it ends. Blocks. Raises ``MachineNotReachableError``."""
    machine = machine_of(session, name, rank)
    reach = machine.provider.reach
    reach.require_client()
    admit(machine, "shell")
    opened = machine.reached(
        lambda: reach.open_terminal(machine.id, command_of(machine), reason=f"runctl shell {name}")
    )
    try:
        return _served(machine, opened, terminal)
    finally:
        reach.end(opened.id)


def command_of(machine: ReachedMachine) -> str:
    """What the session runs: the launcher, as the machine's administrator."""
    program = shlex.split(machine.config.job.shell)[0]
    return f'sudo -n "${{RUNCTL_ROOT%/}}{LAUNCHER}" {SHELL} {shlex.quote(program)}'


def _served(machine: ReachedMachine, opened: OpenedSession, terminal: Terminal) -> ShellResult:
    reach = machine.provider.reach
    found = reach.client_command(opened) if terminal.is_terminal else None
    if found is not None:
        with terminal.kept():
            run_client(found.arguments, found.variables)
        return ShellResult(machine.job, machine.id, opened.id)
    link = reach.terminal(opened, terminal.write)
    link.open()
    try:
        with terminal.raw(lambda: link.resize(*terminal.size())):
            link.resize(*terminal.size())
            _type(link, terminal)
    finally:
        link.close()
    return ShellResult(machine.job, machine.id, opened.id, link.why)


def _type(link: TerminalLink, terminal: Terminal) -> None:
    """Types what is typed until either side has ended."""

    def wake_at_end() -> None:
        link.wait()
        terminal.wake()

    threading.Thread(target=wake_at_end, daemon=True).start()
    for data in terminal.typed():
        link.type(data)
    if not terminal.is_terminal and not link.wait(0.0):
        link.type(_END_OF_INPUT)
        link.wait(_LAST_SECONDS)

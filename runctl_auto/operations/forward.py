"""``forward``: carries connections from a port of this machine to one of a job's machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from runctl_auto.errors import MachineNotReachableError, UsageError
from runctl_auto.jobs.reach.admission import admit
from runctl_auto.jobs.reach.machine import ReachedMachine, machine_of
from runctl_auto.jobs.session import Session
from runctl_auto.local.client_program import run_client
from runctl_auto.providers.reach import OpenedSession

_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class ForwardOptions:
    """``local`` is the port here, 0 for any that is free. ``own_client``: Amazon's plugin is not used.
    ``rank``: of several machines which.
    """

    port: int
    local: int
    own_client: bool = False
    rank: int = 0


@dataclass(frozen=True)
class Forwarding:
    """Where connections are taken, and what they reach."""

    job: str
    machine: str
    session: str
    port: int
    local: int

    def as_json(self) -> dict[str, Any]:
        return {
            "job": self.job,
            "machine": self.machine,
            "session": self.session,
            "port": self.port,
            "local": self.local,
        }


def forward(
    session: Session, name: str, options: ForwardOptions, ready: Callable[[Forwarding], None]
) -> None:
    """Carries connections until it is interrupted (KeyboardInterrupt). Blocks; ``ready`` is called once they
    are taken.

    Raises ``UsageError`` when the port here is taken, ``MachineNotReachableError`` when the machine is not
    reached, or the session ends by itself.
    """
    machine = machine_of(session, name, options.rank)
    reach = machine.provider.reach
    reach.require_client()
    listener = _listening(options.local)
    with closing(listener):
        local = int(listener.getsockname()[1])
        admit(machine, "forward")
        opened = machine.reached(
            lambda: reach.open_port(
                machine.id, options.port, local=local, reason=f"runctl forward {name} {options.port}"
            )
        )
        told = Forwarding(name, machine.id, opened.id, options.port, local)
        try:
            found = None if options.own_client else reach.client_command(opened)
            if found is not None:
                listener.close()  # the plugin takes it
                ready(told)
                run_client(found.arguments, found.variables)
                return
            _serve(machine, opened, listener, told, ready)
        finally:
            reach.end(opened.id)


def _serve(
    machine: ReachedMachine,
    opened: OpenedSession,
    listener: socket.socket,
    told: Forwarding,
    ready: Callable[[Forwarding], None],
) -> None:
    reporter = machine.session.reporter

    def refused() -> None:
        reporter.say(f"nothing listens on port {told.port} of machine {machine.id}")

    link = machine.provider.reach.port(opened, refused)
    link.open()
    try:
        ready(told)
        threading.Thread(target=_accept, args=(listener, link.carry), daemon=True).start()
        while not link.wait(1.0):
            pass
    finally:
        link.close()
    raise MachineNotReachableError(
        f"The session with machine {machine.id} has ended{': ' + link.why if link.why else ''}.",
        where={"job": told.job, "machine": machine.id},
        next_step=f"`runctl status {told.job}` shows how the job is; repeat the command.",
    )


def _accept(listener: socket.socket, carry: Callable[[socket.socket], None]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        carry(connection)


def _listening(port: int) -> socket.socket:
    """A socket of this machine alone."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_LOOPBACK, port))
        listener.listen(64)
    except OSError as error:
        listener.close()
        raise UsageError(
            f"Port {port} of this machine cannot be used: {error.strerror}.",
            next_step="Name another one: `runctl forward JOB PORT:LOCAL`; 0 takes any that is free.",
        ) from error
    return listener

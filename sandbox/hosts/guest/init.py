"""The first process of a host: boots it, manages its units, reaps processes, and shuts it down in order.

Started as `init.py PROGRAMS`, with the host's environment, and its console as standard output. SIGTERM
requests an orderly power-off, SIGINT a reboot. Exits with code 0 when the machine has halted.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import resource
import shutil
import signal
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from sandbox.hosts.guest import mounts, process_table
from sandbox.hosts.guest.children import Children
from sandbox.hosts.guest.control_server import serve
from sandbox.hosts.guest.control_socket import Reply, Request
from sandbox.hosts.guest.layout import HostLayout
from sandbox.hosts.guest.machine import Machine
from sandbox.hosts.guest.session_service import keep_session_agent
from sandbox.hosts.guest.unit_manager import UnitManager
from sandbox.hosts.guest.user_data import run_user_data

_PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 4, 36, 38
_GRACE_SECONDS = 5.0
"""Between SIGTERM and SIGKILL at a shutdown, for processes that belong to no service."""
_HOUSEKEEPING_SECONDS = 30.0
_POWER = {"poweroff": False, "halt": False, "reboot": True}


def confine() -> None:
    """Set no_new_privs, disable core dumps, and prevent ptrace by other processes of the same user.

    Also makes this process the parent of orphaned descendants, with or without a namespace.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((_PR_SET_NO_NEW_PRIVS, 1), (_PR_SET_DUMPABLE, 0), (_PR_SET_CHILD_SUBREAPER, 1)):
        if libc.prctl(option, value, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), f"prctl({option}) failed")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Init:
    """One boot of a host."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._units = UnitManager(machine)
        self._power: asyncio.Future[bool] | None = None
        self._scheduled: asyncio.TimerHandle | None = None

    async def boot(self) -> bool:
        """Boot, run until halt or reboot is requested, shut down. True: reboot."""
        loop = asyncio.get_running_loop()
        self._power = loop.create_future()
        loop.add_signal_handler(signal.SIGCHLD, self._machine.children.reap)
        loop.add_signal_handler(signal.SIGTERM, self._end, False)
        loop.add_signal_handler(signal.SIGINT, self._end, True)
        server = await serve(self._machine.layout.run, self._answer)
        self._machine.console.say("boot")
        steps = (self._start_up(), self._keep_house(), keep_session_agent(self._machine))
        work = [loop.create_task(step) for step in steps]
        reboot = await self._power
        self._machine.console.say("reboot" if reboot else "shutting down")
        server.close()
        await self._shut_down(work)
        self._machine.console.say("halted")
        return reboot

    def _end(self, reboot: bool) -> None:
        if self._power and not self._power.done():
            self._power.set_result(reboot)

    async def _start_up(self) -> None:
        try:
            await asyncio.gather(self._units.start_enabled(), run_user_data(self._machine))
        except OSError as error:  # the host's changes to its own folders must not stop the machine
            self._machine.console.say(f"boot: {error}")

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(_HOUSEKEEPING_SECONDS)
            with contextlib.suppress(OSError):
                self._machine.trim_journals()

    async def _answer(self, request: Request) -> Reply:
        if request.command in _POWER:
            return self._schedule(_POWER[request.command], float(request.options.get("seconds", "0")))
        if request.command == "cancel-shutdown":
            if self._scheduled:
                self._scheduled.cancel()
            self._scheduled = None
            return Reply()
        return await self._units.answer(request)

    def _schedule(self, reboot: bool, seconds: float) -> Reply:
        if self._scheduled:
            self._scheduled.cancel()
        self._scheduled = asyncio.get_running_loop().call_later(max(seconds, 0), self._end, reboot)
        return Reply()

    async def _shut_down(self, work: list[asyncio.Task[None]]) -> None:
        for task in work:
            task.cancel()
        await self._units.stop_all()
        me = os.getpid()
        process_table.send(process_table.descendants(me), signal.SIGTERM)
        deadline, pause = time.monotonic() + _GRACE_SECONDS, 0.01
        while process_table.descendants(me) and time.monotonic() < deadline:
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.2)
        loop = asyncio.get_running_loop()
        loop.remove_signal_handler(signal.SIGCHLD)
        process_table.kill_all_below(me)
        mounts.forget_all(self._machine.layout)


def prepare(layout: HostLayout) -> None:
    """Prepare the folders for a boot: nothing mounted, /run and /tmp empty."""
    mounts.forget_all(layout)
    for folder in (layout.root / "run", layout.root / "tmp"):
        with contextlib.suppress(FileNotFoundError):
            for entry in folder.iterdir():
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry, ignore_errors=True)
                else:
                    entry.unlink(missing_ok=True)
    for folder in (layout.run, layout.units, layout.journal, layout.root / "run/lock", layout.covered):
        folder.mkdir(parents=True, exist_ok=True)


def main() -> int:
    """Boot the host described by this environment, again after each reboot."""
    programs = Path(sys.argv[1])
    confine()
    os.setsid() if os.getsid(0) != os.getpid() else None
    while True:
        layout = HostLayout.of_environment()
        prepare(layout)
        machine = Machine(layout, dict(os.environ), programs, Children())
        if not asyncio.run(Init(machine).boot()):
            return 0


if __name__ == "__main__":
    sys.exit(main())

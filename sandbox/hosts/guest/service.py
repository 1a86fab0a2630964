"""The lifecycle of one service: start, watch, restart, stop, as in systemd."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import os
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandbox.hosts.guest import process_table, unit_values
from sandbox.hosts.guest.children import CANNOT_EXECUTE, Child
from sandbox.hosts.guest.machine import Machine
from sandbox.hosts.guest.unit_files import ServiceUnit
from sandbox.hosts.guest.unit_values import INFINITY, Command

_CLEAN_SIGNALS = frozenset(-int(s) for s in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE))
_LONGEST_POLL = 0.25


class StartLimit:
    """At most `burst` starts in any `interval` seconds."""

    def __init__(self, interval: float, burst: int) -> None:
        self._interval, self._burst = interval, burst
        self._starts: collections.deque[float] = collections.deque()

    def allows(self, now: float) -> bool:
        """Whether another start is allowed now; an allowed one is counted."""
        if self._interval <= 0 or self._burst <= 0:
            return True
        while self._starts and self._starts[0] <= now - self._interval:
            self._starts.popleft()
        if len(self._starts) >= self._burst:
            return False
        self._starts.append(now)
        return True


def result_of(unit: ServiceUnit, code: int) -> str:
    """systemd's result for the exit of a main process."""
    if code == 0 or code in unit.success_codes or (unit.type != "oneshot" and code in _CLEAN_SIGNALS):
        return "success"
    return "signal" if code < 0 else "exit-code"


def restarts(unit: ServiceUnit, result: str, code: int) -> bool:
    if code in unit.no_restart_codes:
        return False
    return {
        "no": False,
        "always": True,
        "on-success": result == "success",
        "on-failure": result != "success",
        "on-abnormal": result in ("signal", "timeout"),
        "on-abort": result == "signal",
    }[unit.restart]


class Service:
    """One service of a host. Its coroutines run in the init's loop; at most one run is active."""

    def __init__(self, unit: ServiceUnit, machine: Machine) -> None:
        self.unit = unit
        self.state = "inactive"
        self.substate = "dead"
        self.result = "success"
        self.exit_code = 0
        self.main_pid = 0
        self.restart_count = 0
        self.last_active: float | None = None
        self.last_inactive: float | None = None
        self._machine = machine
        self._limit = StartLimit(unit.head.start_limit_interval, unit.head.start_limit_burst)
        self._life: asyncio.Task[None] | None = None
        self._started: asyncio.Future[bool] | None = None
        self._stop = asyncio.Event()
        self._invocation = ""

    @property
    def name(self) -> str:
        return self.unit.head.name

    @property
    def running(self) -> bool:
        return self._life is not None and not self._life.done()

    def use(self, unit: ServiceUnit) -> None:
        """Apply a changed unit file; an active run uses it from its next step."""
        self.unit = unit
        self._limit = StartLimit(unit.head.start_limit_interval, unit.head.start_limit_burst)

    def forget_failure(self) -> None:
        """`reset-failed`: a failed service becomes inactive and its start limit is reset."""
        self.use(self.unit)
        if self.state == "failed":
            self._enter("inactive", "dead")
            self.result = "success"

    async def start(self) -> bool:
        """Start, or join a start in progress. True once it is active (a oneshot: once it has succeeded)."""
        if self.state == "deactivating" and self._life:
            await asyncio.wait([self._life])
        if not self.running:
            self._stop.clear()
            self._started = asyncio.get_running_loop().create_future()
            self._life = asyncio.get_running_loop().create_task(self._live())
        if self._started is None:
            return self.state == "active"
        return await asyncio.shield(self._started)

    async def stop(self) -> None:
        """Stop and wait for the end; no effect when it is not running."""
        if self.running and self._life:
            self._stop.set()
            await asyncio.wait([self._life])
        elif self.state == "failed":
            self._enter("inactive", "dead")

    def _enter(self, state: str, substate: str) -> None:
        if state == "active" and self.state != "active":
            self.last_active = time.monotonic()
        if state in ("inactive", "failed") and self.state not in ("inactive", "failed"):
            self.last_inactive = time.monotonic()
        self.state, self.substate = state, substate

    def _say(self, text: str) -> None:
        self._machine.log(self.name, text)

    def _settle(self, success: bool) -> None:
        if self._started and not self._started.done():
            self._started.set_result(success)

    async def _live(self) -> None:
        description = self.unit.head.description
        try:
            while True:
                missing = [p for p in self.unit.head.needs_path if not _condition_holds(p)]
                if missing:
                    self._say(f"{description} was skipped: ConditionPathExists={missing[0]} is not met")
                    self._enter("inactive", "dead")
                    return self._settle(True)
                if not self._limit.allows(time.monotonic()):
                    self.result = "start-limit-hit"
                    self._say("Start request repeated too quickly.")
                    break
                self.result = await self._run_once()
                if self._stop.is_set() or not restarts(self.unit, self.result, self.exit_code):
                    break
                self.restart_count += 1
                self._say(f"Scheduled restart job, restart counter is at {self.restart_count}.")
                self._enter("activating", "auto-restart")
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), self.unit.restart_seconds)
                    self.result = "success"
                    break
        finally:
            self.main_pid = 0
            failed = self.result != "success"
            self._enter("failed" if failed else "inactive", "failed" if failed else "dead")
            self._say(f"Failed with result '{self.result}'." if failed else f"{description}: deactivated.")
            self._settle(not failed)
        return None

    async def _run_once(self) -> str:
        self._invocation = uuid.uuid4().hex
        self._enter("activating", "start")
        self.exit_code = 0
        result = await self._all(self.unit.start_pre, self.unit.start_seconds)
        if result == "success":
            run = self._run_oneshot if self.unit.type == "oneshot" else self._run_main
            result = await run()
        self._enter("deactivating", "final-sigterm")
        await self._kill_rest(result)
        environment = {"SERVICE_RESULT": result, "EXIT_STATUS": str(self.exit_code)}
        await self._all(self.unit.stop_post, self.unit.stop_seconds, environment)
        return result

    async def _run_main(self) -> str:
        try:
            child = self._spawn(self.unit.start[0])
        except OSError as error:
            return self._cannot_execute(error)
        self.main_pid = child.pid
        self._enter("active", "running")
        self._say(f"Started {self.unit.head.description}.")
        result = await self._all(self.unit.start_post, self.unit.start_seconds)
        self._settle(result == "success")
        if result == "success":
            await self._until_over(child.ended, self.unit.runtime_seconds)
        timed_out = not child.ended.done() and not self._stop.is_set() and result == "success"
        self._enter("deactivating", "stop")
        stopped = await self._all(self.unit.stop, self.unit.stop_seconds, {"MAINPID": str(child.pid)})
        killed = await self._end_main(child)
        self.exit_code = child.ended.result() if child.ended.done() else -int(signal.SIGKILL)
        if result != "success":
            return result
        ended = "timeout" if timed_out or killed else result_of(self.unit, self.exit_code)
        if ended not in ("success", "timeout"):
            self._say(f"Main process exited, {_described(self.exit_code)}")
        return stopped if ended == "success" else ended

    async def _run_oneshot(self) -> str:
        result = await self._all(self.unit.start, self.unit.start_seconds, main=True)
        if result != "success" or self._stop.is_set():
            return result
        self._say(f"Finished {self.unit.head.description}.")
        if self.unit.remain_after_exit:
            self._enter("active", "exited")
            self._settle(True)
            await self._stop.wait()
        else:
            self.last_active = time.monotonic()
            self._settle(True)
        self._enter("deactivating", "stop")
        return await self._all(self.unit.stop, self.unit.stop_seconds)

    async def _until_over(self, ended: asyncio.Future[int], seconds: float) -> None:
        """Wait for the main process's exit or a stop request, at most `seconds`."""
        stop: asyncio.Future[Any] = asyncio.get_running_loop().create_task(self._stop.wait())
        waited: list[asyncio.Future[Any]] = [ended, stop]
        timeout = None if seconds == INFINITY else seconds
        await asyncio.wait(waited, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()

    async def _all(
        self,
        commands: tuple[Command, ...],
        seconds: float,
        environment: dict[str, str] | None = None,
        main: bool = False,
    ) -> str:
        """Run commands one after the other. The first failure that is not ignored is the result."""
        for command in commands:
            if main and self._stop.is_set():
                return "success"
            try:
                child = self._spawn(command, environment)
            except OSError as error:
                if not command.ignore_failure:
                    return self._cannot_execute(error)
                continue
            if main:
                self.main_pid = child.pid
                await self._until_over(child.ended, seconds)
            else:
                await asyncio.wait([child.ended], timeout=None if seconds == INFINITY else seconds)
            if not child.ended.done():
                stopped = main and self._stop.is_set()
                await self._end_main(child)
                self.exit_code = child.ended.result() if child.ended.done() else -int(signal.SIGKILL)
                return "success" if stopped and self.exit_code in (*_CLEAN_SIGNALS, 0) else "timeout"
            code = child.ended.result()
            if result_of(self.unit, code) != "success" and not command.ignore_failure:
                self.exit_code = code
                self._say(f"{command.words[0]}: process exited, {_described(code)}")
                return result_of(self.unit, code)
        return "success"

    def _cannot_execute(self, error: OSError) -> str:
        self.exit_code = CANNOT_EXECUTE
        self._say(f"Failed to execute: {error}")
        return "exit-code"

    def _spawn(self, command: Command, extra: dict[str, str] | None = None) -> Child:
        environment = {**self._environment(), **(extra or {})}
        arguments = command.arguments(environment)
        arguments[0] = self._machine.find_program(arguments[0])
        with self._outputs() as (stdout, stderr):
            return self._machine.children.start(
                arguments,
                environment,
                cwd=self._working_directory(),
                stdout=stdout,
                stderr=stderr,
                umask=self.unit.umask,
            )

    def _environment(self) -> dict[str, str]:
        environment = {**self._machine.environment, process_table.INVOCATION_VARIABLE: self._invocation}
        environment.update(self.unit.environment)
        for name in self.unit.environment_files:
            path = Path(name.lstrip("-"))
            if path.exists() or not name.startswith("-"):
                environment.update(unit_values.environment_file(path.read_text()))
        return environment

    def _working_directory(self) -> str:
        wanted = self.unit.working_directory
        if wanted.lstrip("-") == "~":
            return self._machine.environment.get("HOME", "/")
        if wanted.startswith("-") and not Path(wanted[1:]).is_dir():
            wanted = ""
        return wanted.lstrip("-") or str(self._machine.layout.root)

    @contextlib.contextmanager
    def _outputs(self) -> Iterator[tuple[int, int]]:
        with contextlib.ExitStack() as stack:
            stdout = self._open_output(self.unit.output, stack)
            stderr = stdout if self.unit.error == "inherit" else self._open_output(self.unit.error, stack)
            yield stdout, stderr

    def _open_output(self, target: str, stack: contextlib.ExitStack) -> int:
        kind, _, path = target.partition(":")
        if kind == "null":
            path = os.devnull
        elif not path:
            path = str(self._machine.journal_of(self.name))
        truncated = os.O_TRUNC if kind == "truncate" else 0
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | truncated, 0o644)
        stack.callback(os.close, descriptor)
        return descriptor

    async def _end_main(self, child: Child) -> bool:
        """SIGTERM according to KillMode, SIGKILL after the stop timeout. True when it had to be killed."""
        mode = self.unit.kill_mode
        if child.ended.done() or mode == "none":
            return False
        everyone = (
            process_table.members(child.pid, self._invocation) if mode == "control-group" else {child.pid}
        )
        process_table.send(everyone, self.unit.kill_signal)
        seconds = None if self.unit.stop_seconds == INFINITY else self.unit.stop_seconds
        await asyncio.wait([child.ended], timeout=seconds)
        if child.ended.done() or not self.unit.send_sigkill:
            return False
        self._say("State 'stop-sigterm' timed out. Killing.")
        process_table.send({child.pid}, signal.SIGKILL)
        await asyncio.wait([child.ended], timeout=5)
        return True

    async def _kill_rest(self, result: str) -> None:
        """End the service's remaining processes, according to KillMode."""
        if self.unit.kill_mode in ("process", "none"):
            return
        patience = 0.0 if self.unit.kill_mode == "mixed" or result == "timeout" else self.unit.stop_seconds
        deadline, pause, asked = time.monotonic() + patience, 0.01, False
        while left := process_table.members(None, self._invocation):
            if time.monotonic() >= deadline:
                process_table.send(left, signal.SIGKILL)
            elif not asked:
                process_table.send(left, self.unit.kill_signal)
                asked = True
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_POLL)
            if time.monotonic() >= deadline + 5:
                return


def _condition_holds(path: str) -> bool:
    return not Path(path[1:]).exists() if path.startswith("!") else Path(path).exists()


def _described(code: int) -> str:
    return f"code=killed, signal={signal.Signals(-code).name}" if code < 0 else f"code=exited, status={code}"

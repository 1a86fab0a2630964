"""All units of a host: loading, enabling, ordering, and the requests of `systemctl`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable

from sandbox.hosts.guest.control_socket import Reply, Request
from sandbox.hosts.guest.machine import Machine
from sandbox.hosts.guest.service import Service
from sandbox.hosts.guest.timer import Timer
from sandbox.hosts.guest.unit_files import ALWAYS_THERE, ServiceUnit, TimerUnit, UnitFileError, read_unit

_NOT_RUNNING = 3
_NO_SUCH_UNIT = 4
_NOT_LOADED = 5
_WANTS = ".wants"


class UnitManager:
    """Manages the units of one host. All methods run in the init's loop."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._services: dict[str, Service] = {}
        self._timers: dict[str, Timer] = {}
        self._starting: set[str] = set()
        self._background: set[asyncio.Task[bool]] = set()

    # -- loading -------------------------------------------------------------------------------------------

    def reload(self) -> list[str]:
        """Read all loaded unit files again; returns their errors as text."""
        problems = []
        for name in [*self._services, *self._timers]:
            try:
                self._load(name, again=True)
            except UnitFileError as error:
                if not self._active(name):
                    self._services.pop(name, None)
                    self._timers.pop(name, None)
                if (self._machine.layout.units / name).exists():
                    problems.append(str(error))
        return problems

    def _load(self, name: str, again: bool = False) -> Service | Timer:
        """The unit with this name, read from its file when needed. Raises UnitFileError."""
        loaded: Service | Timer | None = self._services.get(name) or self._timers.get(name)
        if loaded and not again:
            return loaded
        unit = read_unit(self._machine.layout.units / name)
        if isinstance(unit, ServiceUnit):
            service = self._services.setdefault(name, Service(unit, self._machine))
            service.use(unit)
            return service
        if loaded and isinstance(loaded, Timer) and loaded.unit == unit:
            return loaded
        return self._new_timer(unit, loaded if isinstance(loaded, Timer) else None)

    def _new_timer(self, unit: TimerUnit, old: Timer | None) -> Timer:
        layout = self._machine.layout
        timer = Timer(unit, layout.timer_stamps, self._machine.started, self.start, self._unit_times)
        self._timers[unit.head.name] = timer
        if old and old.state == "active":
            old.deactivate()
            timer.activate()
        return timer

    def _unit_times(self, name: str) -> tuple[float | None, float | None]:
        service = self._services.get(name)
        return (service.last_active, service.last_inactive) if service else (None, None)

    def _active(self, name: str) -> bool:
        service, timer = self._services.get(name), self._timers.get(name)
        return bool((service and service.running) or (timer and timer.state == "active"))

    # -- starting and stopping -----------------------------------------------------------------------------

    async def start_enabled(self) -> None:
        """Start the enabled units at boot. A unit that cannot be started is reported and skipped."""
        names = sorted({link.name for link in self._machine.layout.units.glob(f"*.target{_WANTS}/*")})
        await asyncio.gather(*(self._start_and_tell(name) for name in names))

    async def _start_and_tell(self, name: str) -> None:
        try:
            await self.start(name)
        except UnitFileError as error:
            self._machine.console.say(str(error))

    async def start(self, name: str) -> bool:
        """Start a unit after its dependencies. True when it is active. Raises UnitFileError."""
        if name in ALWAYS_THERE:
            return True
        unit = self._load(name)
        if name not in self._starting:  # else units that require each other would deadlock
            self._starting.add(name)
            try:
                if not await self._start_needed(unit):
                    self._machine.log(name, f"Dependency failed for {unit.unit.head.description}.")
                    return False
            finally:
                self._starting.discard(name)
        if isinstance(unit, Timer):
            unit.activate()
            return True
        return await unit.start()

    async def _start_needed(self, unit: Service | Timer) -> bool:
        head = unit.unit.head
        for name in (*head.requires, *head.wants):
            required = name in head.requires
            if not required and not (self._machine.layout.units / name).exists():
                continue
            if required or name in head.after:
                started = await self.start(name)
                if required and not started:
                    return False
            else:
                self._start_in_background(name)
        for name in head.after:
            if name in self._starting and name in self._services:
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(
                        self._services[name].start(), self._services[name].unit.start_seconds
                    )
        return True

    def _start_in_background(self, name: str) -> None:
        task = asyncio.get_running_loop().create_task(self.start(name))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def stop(self, name: str) -> None:
        unit = self._load(name)
        if isinstance(unit, Timer):
            unit.deactivate()
        else:
            await unit.stop()

    async def stop_all(self) -> None:
        """Stop timers, then all services at once, each within its own timeout."""
        for timer in self._timers.values():
            timer.deactivate()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*(service.stop() for service in self._services.values()))

    # -- systemctl -----------------------------------------------------------------------------------------

    async def answer(self, request: Request) -> Reply:
        """Serve one request of systemctl."""
        commands: dict[str, Callable[[Request], Awaitable[Reply]]] = {
            "daemon-reload": self._answer_reload,
            "start": self._answer_start,
            "stop": self._answer_stop,
            "restart": self._answer_restart,
            "try-restart": self._answer_restart,
            "is-active": self._answer_is_active,
            "is-failed": self._answer_is_failed,
            "show": self._answer_show,
            "list": self._answer_list,
            "reset-failed": self._answer_reset_failed,
        }
        if request.command not in commands:
            return Reply(1, error=f"Unknown command {request.command}.\n")
        return await commands[request.command](request)

    async def _answer_reload(self, _: Request) -> Reply:
        problems = self.reload()
        return Reply(1 if problems else 0, error="".join(f"{problem}\n" for problem in problems))

    async def _answer_start(self, request: Request) -> Reply:
        return await self._each(request, self.start, "start")

    async def _answer_restart(self, request: Request) -> Reply:
        async def restart(name: str) -> bool:
            if request.command == "try-restart" and not self._active(name):
                return True
            if name not in ALWAYS_THERE:
                await self.stop(name)
            return await self.start(name)

        return await self._each(request, restart, request.command)

    async def _answer_stop(self, request: Request) -> Reply:
        async def stop(name: str) -> bool:
            await self.stop(name)
            return True

        return await self._each(request, stop, "stop")

    async def _each(self, request: Request, action: Callable[[str], Awaitable[bool]], verb: str) -> Reply:
        code, errors = 0, []
        for name in request.units:
            try:
                if name not in ALWAYS_THERE:
                    self._load(name)
                if "no-block" in request.options:
                    self._run_in_background(action(name))
                elif not await action(name):
                    code = 1
                    errors.append(f'Job for {name} failed. See "journalctl -u {name}" for details.')
            except UnitFileError as error:
                code = _NOT_LOADED
                errors.append(f"Failed to {verb} {name}: {error}")
        return Reply(code, error="".join(f"{error}\n" for error in errors))

    def _run_in_background(self, action: Awaitable[bool]) -> None:
        async def run() -> bool:
            return await action

        task = asyncio.get_running_loop().create_task(run())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _state(self, name: str) -> str:
        if name in ALWAYS_THERE:
            return "active"
        unit = self._services.get(name) or self._timers.get(name)
        return unit.state if unit else "inactive"

    async def _answer_is_active(self, request: Request) -> Reply:
        states = [self._state(name) for name in request.units]
        code = 0 if any(state == "active" for state in states) else _NOT_RUNNING
        return Reply(code, out="".join(f"{state}\n" for state in states))

    async def _answer_is_failed(self, request: Request) -> Reply:
        states = [self._state(name) for name in request.units]
        return Reply(0 if "failed" in states else 1, out="".join(f"{state}\n" for state in states))

    async def _answer_reset_failed(self, request: Request) -> Reply:
        for name in request.units or tuple(self._services):
            if service := self._services.get(name):
                service.forget_failure()
        return Reply()

    async def _answer_show(self, request: Request) -> Reply:
        lines = []
        for name in request.units:
            lines += [f"{key}={value}" for key, value in self._properties(name).items()]
        return Reply(out="".join(f"{line}\n" for line in lines))

    def _properties(self, name: str) -> dict[str, str]:
        unit: Service | Timer | None = None
        with contextlib.suppress(UnitFileError):
            unit = None if name in ALWAYS_THERE else self._load(name)
        loaded = unit is not None or name in ALWAYS_THERE
        found = {
            "Id": name,
            "Description": unit.unit.head.description if unit else name,
            "LoadState": "loaded" if loaded else "not-found",
            "ActiveState": self._state(name),
            "SubState": unit.substate if unit else ("active" if loaded else "dead"),
        }
        if isinstance(unit, Service):
            found.update(
                Type=unit.unit.type,
                Result=unit.result,
                MainPID=str(unit.main_pid),
                ExecMainStatus=str(abs(unit.exit_code)),
                NRestarts=str(unit.restart_count),
            )
        if isinstance(unit, Timer):
            found["Unit"] = unit.unit.unit
        return found

    async def _answer_list(self, request: Request) -> Reply:
        known: Iterable[str] = sorted([*self._services, *self._timers])
        kind = request.options.get("type")
        rows = [
            f"{name} loaded {unit.state} {unit.substate} {unit.unit.head.description}"
            for name in known
            if (unit := self._services.get(name) or self._timers.get(name))
            and (unit.state != "inactive" or "all" in request.options)
            and (not kind or name.endswith(f".{kind}"))
        ]
        return Reply(out="".join(f"{row}\n" for row in rows))

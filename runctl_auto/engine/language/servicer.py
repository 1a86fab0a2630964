"""Pulumi's language runtime protocol for Python programs: the calls that the engine needs.

All others answer UNIMPLEMENTED by name, which the engine takes for "this host cannot do that".
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import grpc
from google.protobuf import empty_pb2
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from .errors import FolderRefusedError, LanguageHostError
from .interpreters import activated
from .outcome import outcome
from .output import Output, forward
from .packages import Package
from .processes import Command, Processes, Running

VERSION = "1.0.0"
_DRAIN_SECONDS = 5.0
"""How long output is awaited after its process: what left its session may hold the pipe open."""
_CHUNK = 64 * 1024
_ANALYZER = "analyzer"


class Site(Protocol):
    """What differs between a host that a command attaches and one that the engine starts."""

    @property
    def processes(self) -> Processes: ...

    def engine_address(self, handshake: str | None) -> str | None:
        """Where the engine of a connection is; ``handshake`` is the address its Handshake gave, if any."""

    def output(self, engine: str) -> Output:
        """Where the output of a program goes."""

    def admit_program(self, folder: Path) -> None:
        """Raises ``FolderRefusedError`` when programs of the folder are not served."""

    def admit_plugin(self, kind: str, folder: Path) -> None:
        """Raises ``FolderRefusedError`` when plugins of the folder are not served."""

    def interpreter(self, root: Path, options: dict[str, Any]) -> tuple[str, Path | None]:
        """The Python for a project in ``root``, and the virtual environment to activate.

        Raises ``LanguageHostError`` when the options cannot be followed."""

    def environment(self) -> dict[str, str]:
        """What a program's environment starts from."""

    def packages(self, python: str) -> list[Package]:
        """The provider plugins that a program run by ``python`` needs."""


class LanguageRuntime(language_pb2_grpc.LanguageRuntimeServicer):
    """Runs Python programs and plugins for the engines that connect."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._engines: dict[str, str] = {}  # connection -> address of its engine
        self._stops: dict[
            Callable[[], None], str
        ] = {}  # what ends a task -> the connection that asked for it
        self._lock = threading.Lock()

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Notes where the engine of this connection is."""
        self._engines[context.peer()] = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> Any:  # noqa: ARG002
        """The version of this host, which the engine shows only."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetRequiredPackages(self, request: Any, context: grpc.ServicerContext) -> Any:
        """The provider plugins that the program needs."""
        with _answered(context):
            folder = Path(request.info.program_directory)
            self._site.admit_program(folder)
            python, _ = self._interpreter(request.info)
            return language_pb2.GetRequiredPackagesResponse(
                packages=[
                    plugin_pb2.PackageDependency(
                        name=each.name, kind="resource", version=each.version, server=each.server
                    )
                    for each in self._site.packages(python)
                ]
            )

    def Run(self, request: Any, context: grpc.ServicerContext) -> Any:
        """Runs a program to its end. It is ended when the call breaks off or the engine cancels."""
        with _answered(context):
            self._site.admit_program(Path(request.info.program_directory))
            engine = self._site.engine_address(self._engines.get(context.peer()))
            if engine is None:
                raise LanguageHostError("The connection has had no Handshake, so its engine is not known.")
            if request.attach_debugger:
                raise LanguageHostError("This language host attaches no debugger to a program.")
            return self._run(self._program(request, engine), engine, context)

    def RunPlugin(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        """Runs a policy pack or another plugin, and streams its output. It is ended with the call."""
        with _answered(context):
            folder = Path(request.info.program_directory)
            self._site.admit_plugin(request.kind, folder)
            if request.attach_debugger:
                raise LanguageHostError("This language host attaches no debugger to a plugin.")
            running = self._site.processes.start(self._plugin(request, folder))
        with self._tracked(running, context):
            yield from _plugin_output(running)
            yield language_pb2.RunPluginResponse(exitcode=running.wait())

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> Any:  # noqa: ARG002
        """Ends what this connection's engine has running."""
        self._stop(context.peer())
        return empty_pb2.Empty()

    def close(self) -> None:
        """Ends everything that runs. Does not block."""
        self._stop()

    def _run(self, command: Command, engine: str, context: grpc.ServicerContext) -> Any:
        output = self._site.output(engine)
        try:
            running = self._site.processes.start(command)
            with self._tracked(running, context) as stopped:
                readers = (forward(running.stdout, output.out), forward(running.stderr, output.err))
                code = running.wait()
                for reader in readers:
                    reader.join(_DRAIN_SECONDS)
                found = outcome(code, stopped=stopped.is_set())
        finally:
            output.close()
        return language_pb2.RunResponse(error=found.error, bail=found.bail)

    @contextlib.contextmanager
    def _tracked(self, running: Running, context: grpc.ServicerContext) -> Iterator[threading.Event]:
        """Keeps account of what runs, and ends it with the call. The event is set when it was stopped."""
        stopped = threading.Event()

        def stop() -> None:
            stopped.set()
            running.stop()

        with self._lock:
            self._stops[stop] = context.peer()
        try:
            if not context.add_callback(stop):  # the call has broken off already
                stop()
            yield stopped
        finally:
            running.stop()
            with self._lock:
                del self._stops[stop]

    def _stop(self, connection: str | None = None) -> None:
        with self._lock:
            stops = [stop for stop, owner in self._stops.items() if connection in (None, owner)]
        for stop in stops:
            stop()

    def _interpreter(self, info: Any) -> tuple[str, Path | None]:
        return self._site.interpreter(Path(info.root_directory), MessageToDict(info.options))

    def _program(self, request: Any, engine: str) -> Command:
        info = request.info
        python, active = self._interpreter(info)
        environment = activated(self._site.environment(), active)
        if request.config:
            environment["PULUMI_CONFIG"] = json.dumps(dict(request.config))
        if request.configSecretKeys:
            environment["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(list(request.configSecretKeys))
        settings = {
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization,
            "parallel": request.parallel,
            "dry_run": request.dryRun,
            "monitor": request.monitor_address,
            "engine": engine,
            "root_directory": info.root_directory,
        }
        task = {
            "kind": "program",
            "program": info.entry_point,
            "arguments": list(request.args),
            "settings": settings,
        }
        return Command(python, Path(info.program_directory), environment, task)

    def _plugin(self, request: Any, folder: Path) -> Command:
        python, active = self._interpreter(request.info)
        environment = activated(dict(each.partition("=")[::2] for each in request.env), active)
        arguments = list(request.args)
        if request.kind == _ANALYZER:
            # The engine's address comes last, after its options of logging; the pack follows it.
            task: dict[str, Any] = {"kind": "policy", "arguments": [*arguments, str(folder)]}
        else:
            task = {"kind": "plugin", "folder": str(folder), "arguments": arguments}
        return Command(python, Path(request.pwd), environment, task)


@contextlib.contextmanager
def _answered(context: grpc.ServicerContext) -> Iterator[None]:
    """Answers the call with the error that is raised, as a status."""
    try:
        yield
    except LanguageHostError as error:
        code = grpc.StatusCode.FAILED_PRECONDITION
        if isinstance(error, FolderRefusedError):
            code = grpc.StatusCode.PERMISSION_DENIED
        context.abort(code, "\n".join(filter(None, (error.what, error.next_step))))


def _plugin_output(running: Running) -> Iterator[Any]:
    """What a plugin writes, as messages in the order of arrival, until both of its streams have ended."""
    arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def read(stream: BinaryIO, message: Callable[[bytes], Any]) -> None:
        with stream:
            for chunk in iter(lambda: os.read(stream.fileno(), _CHUNK), b""):
                arrived.put(message(chunk))
        arrived.put(None)

    answer = language_pb2.RunPluginResponse
    for stream, message in (
        (running.stdout, lambda chunk: answer(stdout=chunk)),
        (running.stderr, lambda chunk: answer(stderr=chunk)),
    ):
        threading.Thread(target=read, args=(stream, message), daemon=True).start()
    for _ in range(2):
        yield from iter(arrived.get, None)


def _unimplemented(name: str) -> Callable[..., Any]:
    def method(self: LanguageRuntime, request: Any, context: grpc.ServicerContext) -> None:  # noqa: ARG001
        context.abort(
            grpc.StatusCode.UNIMPLEMENTED, f"runctl's language host for Python does not implement {name}."
        )

    return method


def _method_names() -> list[str]:
    return [each.name for each in language_pb2.DESCRIPTOR.services_by_name["LanguageRuntime"].methods]


for _name in _method_names():
    if _name not in vars(LanguageRuntime):
        setattr(LanguageRuntime, _name, _unimplemented(_name))

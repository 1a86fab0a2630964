"""A toy stack on a real engine: a project folder, a ``file://`` backend, the `pulumi` executable."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc
from pulumi.automation._server import LanguageServer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import language_pb2_grpc
from support.engine.broken_programs import broken_programs

PROJECT = "toys"
STACK = "dev"
PASSPHRASE = "correct horse"
LIMIT_SECONDS = 120.0

# Engines of one process may get the port of an earlier one, whose failed connection gRPC would share.
_GRPC_CHANNEL_OPTIONS.append(("grpc.use_local_subchannel_pool", 1))

Program = Callable[[], object]


@dataclass(frozen=True)
class Ran:
    """Result of a command. ``events`` are the engine's, as JSON; empty unless it was an operation."""

    code: int
    out: str
    err: str
    events: tuple[Mapping[str, Any], ...] = ()

    @property
    def text(self) -> str:
        return f"exit {self.code}\n{self.out}\n{self.err}"

    def told(self, kind: str) -> list[Mapping[str, Any]]:
        """The payloads of all events of a kind, such as ``summaryEvent``."""
        return [event[kind] for event in self.events if kind in event]

    @property
    def errors(self) -> list[str]:
        """Messages of the error diagnostics."""
        return [each["message"] for each in self.told("diagnosticEvent") if each["severity"] == "error"]


@dataclass(frozen=True)
class ToyStack:
    """One project with one stack in ``folder``, initially empty."""

    engine: Path
    folder: Path
    provider_port: int
    extra: Mapping[str, str] = field(default_factory=dict)

    def prepare(self) -> None:
        """Create the folders and the stack."""
        self.state.mkdir(parents=True)
        (self.folder / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n", encoding="utf-8")
        self.pulumi("stack", "init", STACK)

    def with_variables(self, **extra: str) -> ToyStack:
        """The same stack, with additional environment variables for its commands."""
        return replace(self, extra={**self.extra, **extra})

    # Paths

    @property
    def executable(self) -> Path:
        return self.engine / "bin" / "pulumi"

    @property
    def state(self) -> Path:
        """The backend's folder."""
        return self.folder / "state"

    @property
    def store(self) -> Path:
        return self.state / ".pulumi"

    @property
    def checkpoint(self) -> Path:
        return self.store / "stacks" / PROJECT / f"{STACK}.json"

    @property
    def locks(self) -> Path:
        return self.store / "locks" / "organization" / PROJECT / STACK

    @property
    def history(self) -> Path:
        return self.store / "history" / PROJECT / STACK

    @property
    def settings(self) -> Path:
        return self.folder / f"Pulumi.{STACK}.yaml"

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables of the engine, beyond PATH and HOME."""
        return {
            "PULUMI_BACKEND_URL": self.state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_DEBUG_COMMANDS": "true",
            "PULUMI_DEBUG_PROVIDERS": f"toy:{self.provider_port}",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_STACK": STACK,
            **self.extra,
        }

    # Contents

    def document(self) -> dict[str, Any]:
        """The contents of the checkpoint file."""
        content: dict[str, Any] = json.loads(self.checkpoint.read_bytes())
        return content

    def deployment(self) -> dict[str, Any]:
        """The state in the checkpoint; empty before the first operation."""
        return self.document()["checkpoint"].get("latest") or {}

    def resources(self) -> list[dict[str, Any]]:
        return list(self.deployment().get("resources") or ())

    def resource(self, name: str) -> dict[str, Any]:
        """The first resource with this name."""
        return next(each for each in self.resources() if each["urn"].endswith(f"::{name}"))

    def names(self, kind: str = "toy:index:Thing") -> list[str]:
        """Names of the resources of a type."""
        return [each["urn"].rsplit("::", 1)[-1] for each in self.resources() if each["type"] == kind]

    def pending(self) -> list[tuple[str, str]]:
        """The pending operations: kind and resource name."""
        found = self.deployment().get("pending_operations") or ()
        return [(each["type"], each["resource"]["urn"].rsplit("::", 1)[-1]) for each in found]

    def records(self) -> list[dict[str, Any]]:
        """The history's records, oldest first."""
        return [json.loads(file.read_bytes()) for file in sorted(self.history.glob("*.history.json"))]

    def lock_files(self) -> list[Path]:
        return sorted(self.locks.glob("*.json"))

    # Commands

    def start(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        """Start a command in its own process group, as the Automation API does, but without events."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith("PULUMI_")}
        return subprocess.Popen(
            [str(self.executable), "--non-interactive", "--color", "never", *words],
            cwd=self.folder,
            env={**kept, **self.variables, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str, given: str = "", **variables: str) -> Ran:
        """Run a command with ``given`` as its standard input; it may fail."""
        return end(self.start(*words, **variables), given)

    def pulumi(self, *words: str, given: str = "", **variables: str) -> str:
        """The output of a command, which must succeed."""
        ran = self.run(*words, given=given, **variables)
        assert ran.code == 0, ran.text
        return ran.out

    @contextmanager
    def operation(self, verb: str, program: Program | None, *flags: str) -> Iterator[Operation]:
        """Start ``up``, ``preview``, ``refresh`` or ``destroy``; killed at the end if it is still running."""
        log = self.folder / "events.jsonl"
        log.unlink(missing_ok=True)
        confirmed = () if verb == "preview" or "--preview-only" in flags else ("--yes", "--skip-preview")
        with broken_programs(), _served_program(program) as client:
            words = (verb, *confirmed, *client, "--event-log", str(log), "--stack", STACK, *flags)
            process = self.start(*words)
            try:
                yield Operation(process, log)
            finally:
                if process.poll() is None:
                    process.kill()
                process.communicate()

    def operate(self, verb: str, program: Program | None, *flags: str) -> Ran:
        """Run an operation to its end; it may fail."""
        with self.operation(verb, program, *flags) as operation:
            return operation.end()

    def up(self, program: Program, *flags: str) -> Ran:
        """Run an update, which must succeed."""
        ran = self.operate("up", program, *flags)
        assert ran.code == 0, ran.text
        return ran


@dataclass(frozen=True)
class Operation:
    """A running operation."""

    process: subprocess.Popen[str]
    log: Path

    def kill(self) -> None:
        """Kill the engine, as in a crash."""
        self.process.kill()
        self.process.wait()

    def interrupt(self) -> None:
        """Interrupt it as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)

    def end(self) -> Ran:
        """Wait for the operation's end."""
        ran = end(self.process)
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        return Ran(ran.code, ran.out, ran.err, tuple(json.loads(line) for line in lines))


def end(process: subprocess.Popen[str], given: str = "") -> Ran:
    """Wait for a command; kill it and fail after two minutes."""
    try:
        out, err = process.communicate(given, timeout=LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"{process.args} did not end\n{out}\n{err}") from None
    return Ran(process.returncode, out, err)


@contextmanager
def _served_program(program: Program | None) -> Iterator[tuple[str, ...]]:
    """Serve a program as the Automation API does; yields the flags that select it."""
    if program is None:
        yield ()
        return
    with futures.ThreadPoolExecutor(4) as pool:
        server = grpc.server(pool)
        language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageServer(program), server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield ("--client", f"127.0.0.1:{port}")
        finally:
            server.stop(0).wait()

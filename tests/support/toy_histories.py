"""Histories of stacks of toys: what is done step by step, and what came of it on an engine.

A history is a list of steps; a step is JSON: the program, the operation with its options, what the provider
is told (`orders`) and what somebody else does to the cloud before (`drift`). An outcome is JSON as well and
holds only what every engine must do alike: no times, no random ids, URNs without their common beginning.
"""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from support.toy_programs import FOUND, OUTSIDE, changed_program, new_program, runnable

Step = dict[str, Any]
Outcome = dict[str, Any]
PROJECT, STACK = "toys", "dev"
URN = f"urn:pulumi:{STACK}::{PROJECT}::"
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECONDS = 240
KEPT_FIELDS = (
    "custom",
    "delete",
    "external",
    "protect",
    "retainOnDelete",
    "pendingReplacement",
    "parent",
    "deletedWith",
    "replaceWith",
    "initErrors",
    "additionalSecretOutputs",
    "customTimeouts",
    "importID",
    "inputs",
    "outputs",
    "ignoreChanges",
    "replaceOnChanges",
    "replacementTrigger",
)
_SHOWN = {"resourcePreEvent": "begins", "resOutputsEvent": "done", "resOpFailedEvent": "failed"}


def random_history(rng: Random, steps: int, size: int) -> list[Step]:
    """A history to play."""
    program = new_program(rng, size)
    history = [_step(rng, program, "up")]
    for _ in range(steps - 1):
        operation = rng.choice(["up"] * 6 + ["preview", "refresh", "destroy", "destroy"])
        if operation in {"up", "preview"} or rng.random() < 0.3:
            program = changed_program(rng, program)
        history.append(_step(rng, program, operation) | _extras(rng, program, operation))
    return history


def _step(rng: Random, program: list[dict[str, Any]], operation: str) -> Step:
    names = [d["name"] for d in program if d["kind"] == "thing"]
    orders: dict[str, Any] = {}
    if names and rng.random() < 0.35:
        call = rng.choice(["create", "update", "delete", "read", "check"])
        orders = {"fail": {call: [rng.choice(names)]}}
    elif names and rng.random() < 0.08:
        orders = {"half": [rng.choice(names)]}
    return {"op": operation, "program": [dict(d) for d in program]} | ({"orders": orders} if orders else {})


def _extras(rng: Random, program: list[dict[str, Any]], operation: str) -> Step:
    names = [d["name"] for d in program if d["kind"] == "thing"]
    extras: Step = {}
    options: dict[str, Any] = {}
    if names and rng.random() < 0.1:
        name = rng.choice(names)
        extras["drift"] = {name: rng.choice([None, {"value": 9}])}
    if operation in {"up", "preview"} and rng.random() < 0.04:
        extras["raises"] = True
    if names and rng.random() < 0.2:
        which = rng.choice(["target", "target", "exclude"])
        options[which] = [f"**::{name}" for name in rng.sample(names, min(len(names), rng.randint(1, 2)))]
        if rng.random() < 0.5:
            options[f"{which}_dependents"] = True
    elif operation == "destroy" and rng.random() < 0.4:
        options["exclude_protected"] = True
    if operation in {"up", "preview"} and rng.random() < 0.12:
        options["refresh"] = True
    if operation == "up" and names and rng.random() < 0.1:
        options["replace"] = [f"**::{rng.choice(names)}"]
    if operation != "preview" and rng.random() < 0.15:
        options["run_program"] = operation in {"refresh", "destroy"}
    if operation in {"up", "destroy"} and rng.random() < 0.2:
        options["continue_on_error"] = True
    return extras | ({"options": options} if options else {})


class ToyCloud:
    """The provider of toys, served in this process; its cloud can be changed behind everybody's back."""

    def __init__(self, folder: Path) -> None:
        from support.toy_provider import Toys

        (folder / "cloud.json").write_text(
            json.dumps({OUTSIDE: {"value": 7, "size": 1}, FOUND: {"value": 1, "key": "a", "size": 1}})
        )
        self._folder, self.toys, self.port = folder, Toys(folder), 0

    def prepare(self, step: Step) -> None:
        """Gives the step's orders, forgets calls and plays its drift."""
        (self._folder / "orders.json").write_text(json.dumps(step.get("orders", {})))
        (self._folder / "calls.jsonl").write_text("")
        for name, change in step.get("drift", {}).items():
            for identity in [i for i in self.toys.cloud if i.rpartition("-")[0] == name]:
                if change is None:
                    del self.toys.cloud[identity]
                else:
                    self.toys.cloud[identity] = {**self.toys.cloud[identity], **change}

    def outcome(self) -> Outcome:
        """The cloud, and the calls that changed it or tried to, in order of their text."""
        lines = (self._folder / "calls.jsonl").read_text().splitlines()
        calls = [c for c in map(json.loads, lines) if c["call"] in {"create", "update", "delete"}]
        told = sorted(f"{c['call']} {c.get('name') or c['id']}" for c in calls)
        return {"calls": told, "cloud": json.loads(json.dumps(self.toys.cloud))}


@contextmanager
def toy_cloud(folder: Path) -> Iterator[ToyCloud]:
    """A provider of toys on a port."""
    import grpc
    from pulumi.runtime.proto import provider_pb2_grpc

    folder.mkdir(parents=True, exist_ok=True)
    cloud = ToyCloud(folder)
    server = grpc.server(futures.ThreadPoolExecutor(16))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(cloud.toys, server)
    cloud.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield cloud
    finally:
        server.stop(0).wait()


@contextmanager
def inline(program: Any) -> Iterator[str]:
    """Serves a program as the Automation API does; its address."""
    import grpc
    from pulumi.automation._server import LanguageServer
    from pulumi.runtime.proto import language_pb2_grpc

    server = grpc.server(futures.ThreadPoolExecutor(4))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageServer(program), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


class EngineTookTooLong(Exception):
    """A command of an engine did not end in time."""


Engine = Callable[[list[str], dict[str, str], Path], tuple[int, str]]
"""Runs a command line with an environment in a folder; its exit code and what it printed to stdout."""


def executable(pulumi: Path) -> Engine:
    """The engine of an executable."""

    def run(words: list[str], environment: dict[str, str], folder: Path) -> tuple[int, str]:
        environment = environment | {"PATH": f"{pulumi.parent}{os.pathsep}{os.environ['PATH']}"}
        try:
            done = subprocess.run(
                [pulumi, *words],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired as problem:
            raise EngineTookTooLong(" ".join(words)) from problem
        return done.returncode, done.stdout

    return run


def embedded_in_process(words: list[str], environment: dict[str, str], folder: Path) -> tuple[int, str]:
    """The embedded engine, in this process."""
    from sandbox.engine.cli.main import run

    out, here = io.StringIO(), Path.cwd()
    try:
        return run(["--cwd", str(folder), *words], environment, out, io.StringIO()), out.getvalue()
    finally:
        os.chdir(here)


class Stack:
    """A stack of toys with a file backend in `folder`."""

    def __init__(self, engine: Engine, folder: Path, cloud: ToyCloud) -> None:
        self._engine, self._folder, self._cloud = engine, folder, cloud
        (folder / "state").mkdir()
        (folder / "Pulumi.yaml").write_text(json.dumps({"name": PROJECT, "runtime": "python"}))
        self._run("stack", "init", STACK)

    def play(self, step: Step) -> Outcome:
        """Does a step; what came of it."""
        log = self._folder / "events.jsonl"
        log.unlink(missing_ok=True)
        self._cloud.prepare(step)
        with inline(runnable(step["program"], fails=step.get("raises", False))) as address:
            shown = [] if step["op"] == "preview" else ["--yes", "--skip-preview"]
            options = _flags(step.get("options", {}))
            always = ["--client", address, "--event-log", str(log), "--parallel", "1", "--stack", STACK]
            code, _ = self._run(step["op"], *shown, *options, *always)
        events = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        _, exported = self._run("stack", "export", "--show-secrets", "--stack", STACK)
        return outcome_of(code != 0, events, json.loads(exported)["deployment"]) | self._cloud.outcome()

    def _run(self, *words: str) -> tuple[int, str]:
        kept = {name: text for name, text in os.environ.items() if not name.startswith("PULUMI_")}
        environment = {
            **kept,
            "PULUMI_BACKEND_URL": (self._folder / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "x",
            "PULUMI_DEBUG_COMMANDS": "true",
            "PULUMI_DEBUG_PROVIDERS": f"toy:{self._cloud.port}",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_HOME": str(self._folder / "pulumi-home"),
            "PULUMI_PYTHON_CMD": sys.executable,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        return self._engine(["--non-interactive", "--color", "never", *words], environment, self._folder)


def play(engine: Engine, history: list[Step], folder: Path) -> list[Outcome]:
    """Plays a history in an empty folder; what came of each step. Ends before a step that takes too long."""
    with toy_cloud(folder / "provider") as cloud:
        stack = Stack(engine, folder, cloud)
        played: list[Outcome] = []
        for step in history:
            try:
                played.append(stack.play(step))
            except EngineTookTooLong:
                break
        return played


def _flags(options: dict[str, Any]) -> list[str]:
    flags = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            flags.append(flag)
        elif isinstance(value, list):
            flags += [f"{flag}={item}" for item in value]
    return flags


def outcome_of(failed: bool, events: list[dict[str, Any]], deployment: dict[str, Any]) -> Outcome:
    """The comparable part of what an operation did."""
    summaries = [e["summaryEvent"]["resourceChanges"] for e in events if "summaryEvent" in e]
    told = sorted(
        f"{_SHOWN[kind]} {content['metadata']['op']} {content['metadata']['urn']}"
        for event in events
        for kind, content in event.items()
        if kind in _SHOWN
    )
    made: Outcome = {
        "ok": not failed,
        "changes": {k: v for k, v in summaries[-1].items() if v} if summaries else {},
        "events": told,
        "errors": _errors(events),
        "state": [_resource(r) for r in deployment.get("resources") or []],
        "pending": sorted(
            [o["type"], o["resource"]["urn"]] for o in deployment.get("pending_operations") or []
        ),
    }
    made["state"].sort(key=lambda r: (r["urn"], r.get("id", ""), r.get("delete", False)))
    shortened = json.dumps(made).replace(URN, "")
    return json.loads(shortened)  # type: ignore[no-any-return]


_RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

_NOISE = re.compile(r"Traceback|^(update|preview) failed$|^Resource monitor has terminated")
"""What programs, and engines at the end of what failed, say or do not say, as it happens."""


def _errors(events: list[dict[str, Any]]) -> list[str]:
    found = [e["diagnosticEvent"] for e in events if "diagnosticEvent" in e]
    texts = [re.sub(r"<\{%.*?%\}>", "", d["message"]).strip() for d in found if d["severity"] == "error"]
    return sorted(_RANDOM.sub("ID", text) for text in texts if not _NOISE.search(text))


def _resource(exported: dict[str, Any]) -> dict[str, Any]:
    is_provider = exported["type"].startswith("pulumi:providers:")
    kept = {key: exported[key] for key in KEPT_FIELDS if exported.get(key)}
    kept["urn"] = exported["urn"]
    if exported.get("id") and not is_provider:
        kept["id"] = exported["id"]
    if exported.get("provider"):
        kept["provider"] = exported["provider"].rpartition("::")[0]
    if exported.get("dependencies"):
        kept["dependencies"] = sorted(exported["dependencies"])
    lists = {k: sorted(v) for k, v in (exported.get("propertyDependencies") or {}).items() if v}
    if lists:
        kept["propertyDependencies"] = lists
    return _read_secrets(kept)  # type: ignore[no-any-return]


def _read_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        if SIGNATURE in value:
            return {"secret": json.loads(value["plaintext"]) if "plaintext" in value else None}
        return {key: _read_secrets(item) for key, item in value.items()}
    return [_read_secrets(item) for item in value] if isinstance(value, list) else value


def first_difference(wanted: Any, got: Any, path: str = "") -> str | None:
    """Where two outcomes differ first, and how; None when they are the same."""
    if wanted == got:
        return None
    if isinstance(wanted, dict) and isinstance(got, dict):
        for key in sorted({*wanted, *got}):
            found = first_difference(wanted.get(key), got.get(key), f"{path}.{key}")
            if found:
                return found
    if isinstance(wanted, list) and isinstance(got, list):
        if len(wanted) == len(got):
            pairs = enumerate(zip(wanted, got, strict=True))
            return next(filter(None, (first_difference(a, b, f"{path}[{i}]") for i, (a, b) in pairs)), None)
        missing, more = ([x for x in a if x not in b] for a, b in ((wanted, got), (got, wanted)))
        return f"{path}: missing {missing}, not expected {more}"
    return f"{path}: expected {wanted!r}, got {got!r}"

"""The engine over a cloud in memory: real step generation, execution and journal; no processes, no sockets.

A program is a function that gets a `Registrar`; a `Stack` runs operations with it, keeps the state between
them, and remembers every checkpoint that was written.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from sandbox.engine.checkpoint import check_integrity, decode_deployment, encode_deployment
from sandbox.engine.deploy.actions import Actions
from sandbox.engine.deploy.carrying_out import carry_out
from sandbox.engine.deploy.deployment import Deployment
from sandbox.engine.deploy.events import Events
from sandbox.engine.deploy.execution import ProgramEnded, ProgramError
from sandbox.engine.deploy.failures import Bail
from sandbox.engine.deploy.goal import Goal, Outcome, OutputsRegistration, Reading, Registration
from sandbox.engine.deploy.imports.wanted import Import
from sandbox.engine.deploy.journal import Journal
from sandbox.engine.deploy.providers.api import (
    Changes,
    CheckCall,
    Checked,
    CheckFailure,
    CreateCall,
    Created,
    DeleteCall,
    Diff,
    DiffCall,
    InitFailed,
    Invoked,
    ProviderError,
    ReadCall,
    ReadState,
    UpdateCall,
    Updated,
)
from sandbox.engine.deploy.providers.registry import ProviderRegistry
from sandbox.engine.deploy.request import OperationKind, OperationRequest, Options, Program
from sandbox.engine.deploy.stopping import Stop
from sandbox.engine.model import Resource, Snapshot
from sandbox.engine.properties import COMPUTED, PropertyMap, plain, same

STACK = "pulumi:pulumi:Stack"
THING = "toy:index:Thing"
COMPONENT = "toy:index:Group"


@dataclass
class Cloud:
    """What exists, by id; what was asked of it; and what it refuses next, as (call, name)."""

    things: dict[str, PropertyMap] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    refuse: set[tuple[str, str]] = field(default_factory=set)
    half_made: set[str] = field(default_factory=set)
    """Names of things that come into being but fail to initialise."""
    before_call: Callable[[str, str], None] = lambda call, name: None
    after_call: Callable[[str, str], None] = lambda call, name: None
    lock: threading.RLock = field(default_factory=threading.RLock)
    """Held while the cloud or the state on disk changes, so that whoever holds it sees both at one moment."""
    _numbers: dict[str, Any] = field(default_factory=dict)

    def called(self, *kinds: str) -> list[tuple[str, str]]:
        """The calls of these kinds, in order."""
        return [call for call in self.calls if call[0] in kinds]

    def begin(self, call: str, name: str) -> None:
        self.before_call(call, name)
        self.calls.append((call, name))
        if (call, name) in self.refuse:
            raise ProviderError(f"{call} of {name} refused")

    def make(self, name: str, properties: PropertyMap) -> str:
        with self.lock:
            identity = f"{name}-{next(self._numbers.setdefault(name, count(1)))}"
            self.things[identity] = plain(properties)
        self.after_call("create", name)
        return identity

    def change(self, identity: str, properties: PropertyMap | None) -> None:
        """Changes a thing, or with None removes it."""
        with self.lock:
            if properties is None:
                self.things.pop(identity, None)
            else:
                self.things[identity] = plain(properties)


class ToyProvider:
    """Things with any inputs: a change of `key` replaces, first deleting when `dbr` is set."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.configured: list[PropertyMap] = []

    def check_config(self, urn: str, olds: PropertyMap, news: PropertyMap) -> Checked:
        return Checked(news)

    def diff_config(self, call: DiffCall) -> Diff:
        if same(call.old_inputs, call.new_inputs):
            return Diff(Changes.NONE)
        replacing = ("region",) if call.old_inputs.get("region") != call.new_inputs.get("region") else ()
        return Diff(Changes.SOME, replace_keys=replacing)

    def configure(self, urn: str, identity: str, inputs: PropertyMap) -> None:
        self.configured.append(inputs)

    def cancel(self) -> None:
        self._cloud.calls.append(("cancel", ""))

    def close(self) -> None:
        pass

    def check(self, call: CheckCall) -> Checked:
        name = _name(call.urn)
        if ("check", name) in self._cloud.refuse:
            return Checked(call.news, (CheckFailure("value", "bad value"),))
        return Checked(call.news)

    def diff(self, call: DiffCall) -> Diff:
        changed = sorted(
            key
            for key in {*call.old_inputs, *call.new_inputs}
            if key not in call.ignore_changes
            and not same(plain(call.old_inputs.get(key)), plain(call.new_inputs.get(key)))
        )
        if not changed:
            return Diff(Changes.NONE)
        replacing = tuple(key for key in changed if key == "key")
        before = bool(replacing) and call.new_inputs.get("dbr") is True
        return Diff(Changes.SOME, replacing, (), tuple(changed), delete_before_replace=before)

    def create(self, call: CreateCall) -> Created:
        name = _name(call.urn)
        if call.preview:
            return Created("", {**call.inputs, "out": COMPUTED})
        self._cloud.begin("create", name)
        identity = self._cloud.make(name, call.inputs)
        outputs = {**call.inputs, "out": f"out-{identity}"}
        if name in self._cloud.half_made:
            raise InitFailed(["not ready"], identity, outputs, None, False)
        return Created(identity, outputs)

    def update(self, call: UpdateCall) -> Updated:
        name = _name(call.urn)
        outputs = {**call.new_inputs, "out": call.old_outputs.get("out")}
        if not call.preview:
            self._cloud.begin("update", name)
            self._cloud.change(call.identity, call.new_inputs)
            self._cloud.after_call("update", name)
            if name in self._cloud.half_made:
                raise InitFailed(["not ready"], call.identity, outputs, None, False)
        return Updated(outputs)

    def read(self, call: ReadCall) -> ReadState:
        name = _name(call.urn)
        self._cloud.begin("read", name)
        thing = self._cloud.things.get(call.identity)
        self._cloud.after_call("read", name)
        if thing is None:
            return ReadState("", None)
        inputs = dict(thing)
        return ReadState(call.identity, {**inputs, "out": f"out-{call.identity}"}, inputs)

    def delete(self, call: DeleteCall) -> None:
        self._cloud.begin("delete", call.identity)
        self._cloud.change(call.identity, None)
        self._cloud.after_call("delete", call.identity)

    def invoke(self, token: str, arguments: PropertyMap, *, preview: bool) -> Invoked:
        return Invoked(arguments)


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]


class Registrar:
    """What a program registers with. Calls block until the resource is there, or raise."""

    def __init__(self, post: Callable[[Any], None], stack: Stack) -> None:
        self._post, self._stack = post, stack
        self._waiting: set[Any] = set()
        self._closed = False
        self._lock = threading.Lock()
        self.root = ""
        self.provider = ""

    def close(self) -> None:
        with self._lock:
            self._closed = True
            waiting = list(self._waiting)
        for item in waiting:
            item.answer.cancel()

    def ask(self, item: Any) -> Any:
        with self._lock:
            if self._closed:
                raise CancelledError
            self._waiting.add(item)
        self._post(item)
        return item.answer.result()

    def begin(self) -> None:
        """Registers the stack and the default provider."""
        self.root = self.register(STACK, f"{self._stack.project}-{self._stack.name}", custom=False).urn
        self.provider = self.make_provider("default")

    def make_provider(self, name: str, **inputs: Any) -> str:
        """Registers a provider; its reference."""
        found = self.register("pulumi:providers:toy", name, inputs, provider="", parent="")
        return f"{found.urn}::{found.id}"

    def group(self, name: str, **options: Any) -> Resource:
        """Registers a component."""
        return self.register(COMPONENT, name, custom=False, **options)

    def thing(self, name: str, inputs: PropertyMap | None = None, **options: Any) -> Resource:
        """Registers a thing. `uses` maps inputs to the resources whose `out` they take."""
        inputs = dict(inputs or {})
        dependencies = list(options.pop("depends_on", ()))
        property_dependencies: dict[str, list[str]] = {key: [] for key in inputs}
        for key, other in options.pop("uses", {}).items():
            inputs[key] = other.outputs.get("out", COMPUTED)
            property_dependencies[key] = [other.urn]
            dependencies.append(other)
        urns = tuple(dict.fromkeys(other.urn for other in dependencies))
        return self.register(
            THING, name, inputs, dependencies=urns, property_dependencies=property_dependencies, **options
        )

    def register(
        self, kind: str, name: str, inputs: PropertyMap | None = None, *, custom: bool = True, **options: Any
    ) -> Resource:
        """Registers anything."""
        options.setdefault("parent", self.root)
        if custom:
            options.setdefault("provider", self.provider)
        answered = self.ask(Registration(Goal(kind, name, custom, inputs or {}, **options)))
        if answered.outcome is not Outcome.SUCCESS:
            self._stack.told[name] = answered.outcome.value
        return answered.resource  # type: ignore[no-any-return]

    def read(self, name: str, identity: str, **options: Any) -> Resource:
        """Reads a thing that is not the stack's."""
        options.setdefault("parent", self.root)
        options.setdefault("provider", self.provider)
        goal = Goal(THING, name, True, {}, **options)
        return self.ask(Reading(goal, identity)).resource  # type: ignore[no-any-return]

    def outputs(self, urn: str, values: PropertyMap) -> None:
        """Registers the outputs of a component or, with `root`, of the stack."""
        self.ask(OutputsRegistration(urn, values))


PulumiProgram = Callable[[Registrar], None]


class _Running:
    def __init__(self, program: PulumiProgram, registrar: Registrar, post: Callable[[Any], None]) -> None:
        self._program, self._registrar, self._post = program, registrar, post
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        error = None
        try:
            self._registrar.begin()
            self._program(self._registrar)
        except CancelledError:
            return
        except Exception as problem:
            error = ProgramError(str(problem), shown=False)
        self._post(ProgramEnded(error))

    def end(self) -> str | None:
        self._thread.join()
        return None

    def abandon(self) -> None:
        self._registrar.close()
        self._thread.join()


@dataclass(frozen=True)
class Report:
    """What came of an operation."""

    failed: bool
    changes: Mapping[str, int]
    events: list[dict[str, Any]]

    @property
    def errors(self) -> list[str]:
        """The messages of errors, without colours."""
        found = [e["diagnosticEvent"] for e in self.events if "diagnosticEvent" in e]
        return [_bare(d["message"]) for d in found if d["severity"] == "error"]

    @property
    def warnings(self) -> list[str]:
        """The messages of warnings, without colours."""
        found = [e["diagnosticEvent"] for e in self.events if "diagnosticEvent" in e]
        return [_bare(d["message"]) for d in found if d["severity"] == "warning"]

    def steps(self) -> list[tuple[str, str]]:
        """(operation, name) of every step that began, but for those of the stack and providers."""
        found = [e["resourcePreEvent"]["metadata"] for e in self.events if "resourcePreEvent" in e]
        return [
            (m["op"], _name(m["urn"])) for m in found if m["type"] != STACK and "providers" not in m["type"]
        ]


def _bare(message: str) -> str:
    return message.replace("<{%reset%}>", "").strip()


@dataclass
class Stack:
    """A stack on the toy cloud. State passes through its JSON form between operations."""

    cloud: Cloud = field(default_factory=Cloud)
    name: str = "dev"
    project: str = "toys"
    state: Snapshot = field(default_factory=Snapshot)
    told: dict[str, str] = field(default_factory=dict)
    """What programs were told of resources that did not come to be."""
    before_write: Callable[[], None] = lambda: None
    on_write: Callable[[Snapshot], None] = lambda snapshot: None
    writes: int = 0

    def up(self, program: PulumiProgram, **options: Any) -> Report:
        return self._run(OperationKind.UPDATE, program, options)

    def preview(self, program: PulumiProgram, **options: Any) -> Report:
        return self._run(OperationKind.PREVIEW, program, options)

    def refresh(self, program: PulumiProgram | None = None, **options: Any) -> Report:
        return self._run(OperationKind.REFRESH, program, options)

    def destroy(self, program: PulumiProgram | None = None, **options: Any) -> Report:
        return self._run(OperationKind.DESTROY, program, options)

    def take_in(self, *imports: Import, preview: bool = False, **options: Any) -> Report:
        """Runs an import."""
        return self._run(OperationKind.IMPORT, None, options, imports=imports, preview_only=preview)

    def resource(self, name: str) -> Resource:
        """The live resource of that name."""
        return next(r for r in self.state.resources if r.name == name and not r.delete)

    def names(self) -> list[str]:
        """The names of all things and groups in the state, in order; `-` before those to be deleted."""
        return [
            f"{'-' if r.delete else ''}{r.name}"
            for r in self.state.resources
            if r.type != STACK and not r.is_provider
        ]

    def ids(self) -> set[str]:
        """The ids of all things in the state."""
        return {r.id for r in self.state.resources if r.type == THING and r.id}

    def urn(self, name: str) -> str:
        """The URN of a thing directly under the stack."""
        return f"urn:pulumi:{self.name}::{self.project}::{THING}::{name}"

    def _run(
        self, kind: OperationKind, program: PulumiProgram | None, options: dict[str, Any], **more: Any
    ) -> Report:
        options.setdefault("parallel", 1)
        nowhere = Program(Path("/nowhere"), runtime="none")
        request = OperationRequest(kind, self.project, self.name, nowhere, options=Options(**options), **more)
        base = replace(self.state, resources=[r.copy() for r in self.state.resources])
        sink = _Sink()
        events = Events(sink)
        registry = ProviderRegistry(lambda package, version: ToyProvider(self.cloud))
        deployment = Deployment(request, base, registry, events, lambda: "2026-01-01T00:00:00Z")
        journal = None if request.dry_run else Journal(base, self, lambda: "2026-01-01T00:00:00Z")
        actions = Actions(events, journal, refreshing=kind is OperationKind.REFRESH)

        def run(post: Callable[[Any], None]) -> _Running:
            assert program is not None
            return _Running(program, Registrar(post, self), post)

        failed = False
        try:
            carry_out(deployment, actions, Stop(), run)
        except Bail:
            failed = True
        if journal:
            journal.close()
        changes = {op.value: number for op, number in actions.changes.items()}
        return Report(failed, changes, sink.events)

    def write(self, snapshot: Snapshot) -> None:
        """Takes a checkpoint, as it would be read back from the disk."""
        check_integrity(snapshot)
        self.before_write()
        text = json.dumps(encode_deployment(snapshot, lambda plaintext: f"sealed:{plaintext}"))
        state = decode_deployment(json.loads(text), lambda sealed: sealed.removeprefix("sealed:"))
        with self.cloud.lock:
            self.state = state
        self.writes += 1
        self.on_write(self.state)


@dataclass
class _Sink:
    events: list[dict[str, Any]] = field(default_factory=list)

    def emit(self, event: dict[str, Any]) -> None:
        self.events.append(event)

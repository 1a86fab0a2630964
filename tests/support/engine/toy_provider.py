"""A provider of toy resources over gRPC, attached to an engine with ``PULUMI_DEBUG_PROVIDERS``.

Resources are kept in memory. A changed ``key`` replaces a resource; any other change updates it in place.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

_POLL_SECONDS = 0.01


@dataclass(frozen=True)
class Call:
    """One call of an engine. ``target`` is a resource's name or id, a provider's URN, or empty; ``peer`` is
    its connection."""

    method: str
    target: str
    peer: str


@dataclass
class ToyProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Records all calls. Calls whose (method, name) is in ``refuse`` fail, with the message ``refusal`` if
    set. Those in ``hold`` wait until ``released``, until the engine has ended, or until their connection's
    Cancel, unless ``ignore_cancel``. A creation takes ``create_seconds``; ``most_at_once`` is the maximum
    number of concurrent creations."""

    things: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    refuse: set[tuple[str, str]] = field(default_factory=set)
    refusal: str = ""
    hold: set[tuple[str, str]] = field(default_factory=set)
    ignore_cancel: bool = False
    create_seconds: float = 0.0
    most_at_once: int = 0
    released: threading.Event = field(default_factory=threading.Event)
    cancelled: set[str] = field(default_factory=set)
    _creating: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def called(self, method: str) -> list[str]:
        """Targets of the calls of a method, in order."""
        return [call.target for call in self.calls if call.method == method]

    def _record(self, method: str, target: str, context: Any) -> None:
        self.calls.append(Call(method, target, context.peer()))
        if (method, target) in self.refuse:
            context.abort(grpc.StatusCode.UNKNOWN, self.refusal or f"{method} of {target} refused")
        while (method, target) in self.hold and not self.released.wait(_POLL_SECONDS):
            if context.peer() in self.cancelled or not context.is_active():
                context.abort(grpc.StatusCode.CANCELLED, f"{method} of {target} cancelled")

    def Handshake(self, request: Any, context: Any) -> Any:
        self._record("handshake", "", context)
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True)

    def Attach(self, request: Any, context: Any) -> Any:
        self._record("attach", "", context)
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version="1.0.0")

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:
        self._record("configure", request.urn, context)
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True, acceptResources=True)

    def Cancel(self, request: Any, context: Any) -> Any:
        self._record("cancel", "", context)
        if not self.ignore_cancel:
            self.cancelled.add(context.peer())
        return empty_pb2.Empty()

    def Check(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> Any:
        old, new = MessageToDict(request.old_inputs), MessageToDict(request.news)
        changed = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
        kind = provider_pb2.DiffResponse
        return kind(
            changes=kind.DIFF_SOME if changed else kind.DIFF_NONE,
            diffs=changed,
            replaces=[key for key in changed if key == "key"],
        )

    def Create(self, request: Any, context: Any) -> Any:
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        self._record("create", request.name, context)
        with self._counted():
            self.released.wait(self.create_seconds)
        number = sum(1 for thing in self.things if thing.rpartition("-")[0] == request.name) + 1
        identity = f"{request.name}-{number}"
        self.things[identity] = MessageToDict(request.properties)
        return provider_pb2.CreateResponse(id=identity, properties=self._outputs(identity))

    def Read(self, request: Any, context: Any) -> Any:
        self._record("read", request.id, context)
        if request.id not in self.things:
            return provider_pb2.ReadResponse()
        inputs = _struct(self.things[request.id])
        return provider_pb2.ReadResponse(id=request.id, properties=self._outputs(request.id), inputs=inputs)

    def Update(self, request: Any, context: Any) -> Any:
        if request.preview:
            return provider_pb2.UpdateResponse(properties=request.news)
        self._record("update", request.name, context)
        self.things[request.id] = MessageToDict(request.news)
        return provider_pb2.UpdateResponse(properties=self._outputs(request.id))

    def Delete(self, request: Any, context: Any) -> Any:
        self._record("delete", request.name, context)
        self.things.pop(request.id, None)
        return empty_pb2.Empty()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._creating += 1
            self.most_at_once = max(self.most_at_once, self._creating)
        try:
            yield
        finally:
            with self._lock:
                self._creating -= 1

    def _outputs(self, identity: str) -> struct_pb2.Struct:
        return _struct({**self.things[identity], "out": f"out-{identity}"})


def _struct(values: dict[str, Any]) -> struct_pb2.Struct:
    made = struct_pb2.Struct()
    made.update(values)
    return made


@contextmanager
def served(provider: ToyProvider) -> Iterator[int]:
    """Serve ``provider`` on a loopback port; yields the port."""
    server = grpc.server(futures.ThreadPoolExecutor(32))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        provider.released.set()
        server.stop(0).wait()

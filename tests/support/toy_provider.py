"""A provider of toys over gRPC, for tests of the engine. Started with a folder; prints its port.

In the folder: `cloud.json` (id to properties) and `calls.jsonl` are what became of it, `orders.json` what it
is told: `{"fail": {CALL: [NAME]}, "half": [NAME], "hold": [NAME], "deaf": BOOL}`. A create that is held waits
until the file `go` is there, or until the provider is cancelled, unless it is deaf to that.

A change of `key` replaces, first deleting with `dbr`. `size` has the default 1. A provider whose `region`
changes must be replaced.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"


def struct(values: dict[str, Any]) -> struct_pb2.Struct:
    made = struct_pb2.Struct()
    made.update(values)
    return made


def bare(value: Any) -> Any:
    """The value without secret marks."""
    if isinstance(value, dict):
        return (
            bare(value["value"]) if value.get(SIGNATURE) == SECRET else {k: bare(v) for k, v in value.items()}
        )
    return [bare(item) for item in value] if isinstance(value, list) else value


class Toys(provider_pb2_grpc.ResourceProviderServicer):
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self.cloud: dict[str, Any] = json.loads((folder / "cloud.json").read_text())
        self._numbers: dict[str, int] = {}
        self._cancelled = threading.Event()
        self._busy = self.peak = 0

    # What is told and what is remembered

    def _orders(self) -> dict[str, Any]:
        try:
            return json.loads((self._folder / "orders.json").read_text())  # type: ignore[no-any-return]
        except FileNotFoundError:
            return {}

    def _note(self, call: str, **details: Any) -> None:
        with self._lock, (self._folder / "calls.jsonl").open("a") as file:
            file.write(json.dumps({"call": call, **details}) + "\n")

    def _save(self) -> None:
        new = self._folder / "cloud.json.new"
        new.write_text(json.dumps(self.cloud))
        new.replace(self._folder / "cloud.json")

    def _refuse(self, call: str, name: str, context: Any) -> None:
        if name in self._orders().get("fail", {}).get(call, []):
            context.abort(grpc.StatusCode.UNKNOWN, f"{call} of {name} refused")

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        with self._lock:
            self._busy += 1
            self.peak = max(self.peak, self._busy)
        try:
            yield
        finally:
            with self._lock:
                self._busy -= 1

    # Life

    def Handshake(self, request: Any, context: Any) -> Any:
        self._note("handshake", engine=request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True)

    def Attach(self, request: Any, context: Any) -> Any:
        self._note("attach", engine=request.address)
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version="1.0.0")

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        old, new = MessageToDict(request.old_inputs), MessageToDict(request.news)
        changed = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
        return provider_pb2.DiffResponse(
            changes=2 if changed else 1, diffs=changed, replaces=[key for key in changed if key == "region"]
        )

    def Configure(self, request: Any, context: Any) -> Any:
        self._note(
            "configure",
            urn=request.urn,
            inputs=MessageToDict(request.args),
            variables=dict(request.variables),
        )
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True, acceptResources=True)

    def Cancel(self, request: Any, context: Any) -> Any:
        self._note("cancel")
        if not self._orders().get("deaf"):
            self._cancelled.set()
        return empty_pb2.Empty()

    # Toys

    def Check(self, request: Any, context: Any) -> Any:
        inputs = MessageToDict(request.news)
        inputs.setdefault("size", 1)
        failures = []
        if request.name in self._orders().get("fail", {}).get("check", []):
            failures = [provider_pb2.CheckFailure(property="size", reason="wrong size")]
        return provider_pb2.CheckResponse(inputs=struct(inputs), failures=failures)

    def Diff(self, request: Any, context: Any) -> Any:
        old, new = bare(MessageToDict(request.old_inputs)), bare(MessageToDict(request.news))
        changed = sorted(
            key for key in {*old, *new} if old.get(key) != new.get(key) and key not in request.ignoreChanges
        )
        detailed = {}
        for key in changed:
            kind = "ADD" if key not in old else "DELETE" if key not in new else "UPDATE"
            kind += "_REPLACE" if key == "key" else ""
            detailed[key] = provider_pb2.PropertyDiff(kind=kind, inputDiff=True)
        return provider_pb2.DiffResponse(
            changes=2 if changed else 1,
            diffs=changed,
            replaces=[key for key in changed if key == "key"],
            detailedDiff=detailed,
            hasDetailedDiff=True,
            deleteBeforeReplace="key" in changed and new.get("dbr") is True,
        )

    def Create(self, request: Any, context: Any) -> Any:
        inputs = MessageToDict(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        with self._at_work():
            self._note("create", name=request.name, timeout=request.timeout)
            self._hold(request.name, context)
            self._refuse("create", request.name, context)
            with self._lock:
                number = self._numbers[request.name] = self._numbers.get(request.name, 0) + 1
                identity = f"{request.name}-{number}"
                self.cloud[identity] = bare(inputs)
                self._save()
        outputs = struct({**inputs, "out": f"out-{identity}"})
        if request.name in self._orders().get("half", []):
            self._half(identity, outputs, context)
        return provider_pb2.CreateResponse(id=identity, properties=outputs)

    def _hold(self, name: str, context: Any) -> None:
        if name not in self._orders().get("hold", []):
            return
        while not (self._folder / "go").exists():
            if self._cancelled.wait(0.01):
                context.abort(grpc.StatusCode.CANCELLED, f"create of {name} cancelled")

    def _half(self, identity: str, outputs: struct_pb2.Struct, context: Any) -> None:
        failed = provider_pb2.ErrorResourceInitFailed(id=identity, properties=outputs, reasons=["not ready"])
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message="half made")
        status.details.add().Pack(failed)
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNKNOWN, "half made")

    def Read(self, request: Any, context: Any) -> Any:
        self._refuse("read", request.name, context)
        with self._lock:
            found = self.cloud.get(request.id)
        if found is None:
            return provider_pb2.ReadResponse()
        known = MessageToDict(request.inputs)
        inputs = known if bare(known) == found else found  # what stayed as it was stays secret
        state = {**inputs, "out": f"out-{request.id}"}
        return provider_pb2.ReadResponse(id=request.id, properties=struct(state), inputs=struct(inputs))

    def Update(self, request: Any, context: Any) -> Any:
        inputs = MessageToDict(request.news)
        outputs = struct({**inputs, "out": f"out-{request.id}"})
        if not request.preview:
            self._note("update", name=request.name)
            self._refuse("update", request.name, context)
            with self._lock:
                self.cloud[request.id] = bare(inputs)
                self._save()
        return provider_pb2.UpdateResponse(properties=outputs)

    def Delete(self, request: Any, context: Any) -> Any:
        self._note("delete", id=request.id)
        self._refuse("delete", request.name, context)
        with self._lock:
            self.cloud.pop(request.id, None)
            self._save()
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:
        if request.tok == "toy:index:peak":
            answer = provider_pb2.InvokeResponse()
            getattr(answer, "return").update({"peak": self.peak})
            return answer
        if request.tok != "toy:index:echo":
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"no function {request.tok}")
        answer = provider_pb2.InvokeResponse()
        getattr(answer, "return").CopyFrom(request.args)
        return answer


def main() -> None:
    server = grpc.server(futures.ThreadPoolExecutor(64))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Toys(Path(sys.argv[1])), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    if "--until-ended" in sys.argv:
        signal.pause()
    # Ends with whoever started it: their end of the pipe closes.
    sys.stdin.read()
    server.stop(0).wait()


if __name__ == "__main__":
    main()

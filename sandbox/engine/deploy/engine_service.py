"""The engine service: where programs and providers log, and leave the URN of the stack."""

from __future__ import annotations

from typing import Any

from google.protobuf import empty_pb2

from sandbox.engine.deploy.events import Events
from sandbox.engine.deploy.protocol import engine_pb2, engine_pb2_grpc

_SEVERITIES = {0: "debug", 1: "info", 2: "warning", 3: "error"}


class EngineService(engine_pb2_grpc.EngineServicer):  # type: ignore[misc]
    """Turns log messages into events."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._root = ""

    def Log(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        severity = _SEVERITIES.get(request.severity, "info")
        self._events.diagnostic(
            severity, request.urn, request.message, stream=request.streamId, ephemeral=request.ephemeral
        )
        return empty_pb2.Empty()

    def GetRootResource(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        return engine_pb2.GetRootResourceResponse(urn=self._root)

    def SetRootResource(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        self._root = request.urn
        return engine_pb2.SetRootResourceResponse()

    def RequirePulumiVersion(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        return engine_pb2.RequirePulumiVersionResponse()

"""The protocol around the provider: Pulumi's own servicer, each call in a thread of its own.

The servicer is made for one event loop, in which a call that waits for the API would make all others wait.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from runctl_auto.errors import RunctlError
from runctl_auto.local.printable import printable
from runctl_auto.providers.runpod.errors import marked
from runctl_auto.providers.runpod.plugin.service import RunpodPlugin

VERSION = "0.1.0"
_log = logging.getLogger(__name__)
_CALLS = ("CheckConfig", "DiffConfig", "Configure", "Check", "Diff", "Create", "Read", "Update", "Delete")


class PluginServicer(provider_pb2_grpc.ResourceProviderServicer):
    """Serves engines that attach; what they ask for beside resources is refused by gRPC's default."""

    def __init__(self, plugin: RunpodPlugin) -> None:
        inner = ProviderServicer([], VERSION, plugin, engine_address="")
        for name in _CALLS:
            setattr(self, name, _answering(getattr(inner, name)))

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        """An engine that speaks the newer protocol."""
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True, accept_resources=False, accept_outputs=False
        )

    def Attach(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        """The engine's address is not needed."""
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        return plugin_pb2.PluginInfo(version=VERSION)

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: ARG002
        """Calls in flight are short: they end by themselves."""
        return empty_pb2.Empty()


def _answering(method: Callable[[Any, Any], Coroutine[Any, Any, Any]]) -> Callable[[Any, Any], Any]:
    def call(request: Any, context: Any) -> Any:
        try:
            return asyncio.run(method(request, context))
        except Exception as wrapped:
            # Pulumi's servicer wraps what is raised in another exception, with the traceback as its text.
            error = wrapped.__context__ or wrapped
            if isinstance(error, RunctlError):
                context.abort(grpc.StatusCode.UNKNOWN, printable(marked(error)))
            _log.exception("a call failed by an error of the provider itself")
            context.abort(grpc.StatusCode.INTERNAL, f"runctl's RunPod provider failed: {error!r}")

    return call

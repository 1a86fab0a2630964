"""Calls to a provider that carry the sandbox's token; an engine proves itself by its environment instead."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

_Details = namedtuple(
    "_Details", ("method", "timeout", "metadata", "credentials", "wait_for_ready", "compression")
)


class _WithToken(grpc.UnaryUnaryClientInterceptor):
    def __init__(self, bearer: str) -> None:
        self._bearer = bearer

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        metadata = [*(details.metadata or ()), ("authorization", self._bearer)]
        told = _Details(
            details.method,
            details.timeout,
            metadata,
            details.credentials,
            details.wait_for_ready,
            details.compression,
        )
        return continuation(told, request)


def provider_stub(channel: grpc.Channel, bearer: str) -> provider_pb2_grpc.ResourceProviderStub:
    """The provider's calls, each with the token (`Bearer …`)."""
    return provider_pb2_grpc.ResourceProviderStub(grpc.intercept_channel(channel, _WithToken(bearer)))

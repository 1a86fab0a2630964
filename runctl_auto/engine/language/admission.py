"""A gRPC server that answers only callers that are admitted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc

Refusal = Callable[[grpc.ServicerContext], "str | None"]
"""Why a call is refused, None when it is admitted."""


class AdmittedOnly(grpc.ServerInterceptor):  # type: ignore[misc]
    """Refuses every call for which ``refusal`` gives a reason, with PERMISSION_DENIED, before its request is
    read. Until ``refusal`` is set, every call is refused. For methods that take one request."""

    refusal: Refusal | None = None

    def intercept_service(self, continuation: Any, details: Any) -> Any:
        """Wraps the method that is called."""
        handler = continuation(details)
        if handler is None:
            return None
        if handler.request_streaming:
            return grpc.stream_unary_rpc_method_handler(_refuse_streams)
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(
                self._guarded(handler.unary_stream, handler.request_deserializer),
                None,
                handler.response_serializer,
            )
        return grpc.unary_unary_rpc_method_handler(
            self._guarded(handler.unary_unary, handler.request_deserializer),
            None,
            handler.response_serializer,
        )

    def _guarded(self, method: Any, deserializer: Any) -> Any:
        def call(request: bytes, context: grpc.ServicerContext) -> Any:
            refusal = "The server is starting." if self.refusal is None else self.refusal(context)
            if refusal is not None:
                context.abort(grpc.StatusCode.PERMISSION_DENIED, refusal)
            return method(deserializer(request) if deserializer is not None else request, context)

        return call


def _refuse_streams(_requests: Any, context: grpc.ServicerContext) -> Any:
    context.abort(grpc.StatusCode.UNIMPLEMENTED, "This server takes no streams.")

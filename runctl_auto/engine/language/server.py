"""The gRPC server of a language host."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from pulumi.runtime.proto import language_pb2_grpc

from .output import MAX_MESSAGE
from .peers import PeerCheck
from .servicer import LanguageRuntime

_THREADS = 64
"""A program and each plugin hold one for as long as they run."""


def serve(runtime: LanguageRuntime) -> tuple[grpc.Server, int]:
    """A server that listens on a free port of the loopback interface, for this user only; it and its port.

    Raises OSError when it cannot listen.
    """
    own_user = _OwnUserOnly()
    server = grpc.server(
        ThreadPoolExecutor(_THREADS),
        interceptors=(own_user,),
        options=(
            ("grpc.max_receive_message_length", MAX_MESSAGE),
            ("grpc.max_send_message_length", MAX_MESSAGE),
            ("grpc.so_reuseport", 0),
        ),
    )
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(runtime, server)
    port = server.add_insecure_port("127.0.0.1:0")
    if port == 0:
        raise OSError("The language host could not listen on 127.0.0.1.")
    own_user.check = PeerCheck(port)
    server.start()
    return server, port


class _OwnUserOnly(grpc.ServerInterceptor):  # type: ignore[misc]
    """Refuses every call of a connection that another user has made."""

    check: PeerCheck | None = None

    def intercept_service(self, continuation: Any, details: Any) -> Any:
        """Wraps the method that is called."""
        handler = continuation(details)
        if handler is None:
            return None
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(
                self._guarded(handler.unary_stream), handler.request_deserializer, handler.response_serializer
            )
        return grpc.unary_unary_rpc_method_handler(
            self._guarded(handler.unary_unary), handler.request_deserializer, handler.response_serializer
        )

    def _guarded(self, method: Any) -> Any:
        def call(request: Any, context: grpc.ServicerContext) -> Any:
            refusal = "The server is starting." if self.check is None else self.check.refusal(context.peer())
            if refusal is not None:
                context.abort(grpc.StatusCode.PERMISSION_DENIED, refusal)
            return method(request, context)

        return call

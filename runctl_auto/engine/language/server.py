"""The gRPC server of a language host."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import grpc
from pulumi.runtime.proto import language_pb2_grpc

from .admission import AdmittedOnly
from .output import MAX_MESSAGE
from .peers import PeerCheck, descends_from
from .servicer import LanguageRuntime

_THREADS = 64
"""A program and each plugin hold one for as long as they run."""


def serve(runtime: LanguageRuntime, command: int) -> tuple[grpc.Server, int]:
    """A server on a free port of the loopback interface, for the process ``command`` and what that has
    started; it and its port.

    Raises OSError when it cannot listen.
    """
    admitted = AdmittedOnly()
    server = grpc.server(
        ThreadPoolExecutor(_THREADS),
        interceptors=(admitted,),
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
    check = PeerCheck(port, descends_from(command))
    admitted.refusal = lambda context: check.refusal(context.peer())
    server.start()
    return server, port

"""Starts the provider beside a command: `python -I runpod_server.py`, by path, from any folder.

Prints its port and serves engines of the command that started it, until its input ends, which the command
holds open. Address and key of the API are read from the environment.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from runctl_auto.engine.language.admission import AdmittedOnly
from runctl_auto.engine.language.peers import PeerCheck, descends_from
from runctl_auto.providers.runpod.access import runpod_access
from runctl_auto.providers.runpod.client import RunpodClient
from runctl_auto.providers.runpod.plugin.service import RunpodPlugin
from runctl_auto.providers.runpod.plugin.servicer import PluginServicer

_THREADS = 64


def main() -> int:
    """Serves until the input ends; the exit code."""
    command = os.getppid()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    admitted = AdmittedOnly()
    server = grpc.server(
        ThreadPoolExecutor(_THREADS, thread_name_prefix="call"),
        interceptors=(admitted,),
        options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", -1)],
    )
    client = cache(lambda: RunpodClient(runpod_access(os.environ)))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(PluginServicer(RunpodPlugin(client)), server)
    port = server.add_insecure_port("127.0.0.1:0")
    check = PeerCheck(port, descends_from(command))
    admitted.refusal = lambda context: check.refusal(context.peer())
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    with contextlib.suppress(KeyboardInterrupt):
        sys.stdin.read()
    server.stop(0)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())

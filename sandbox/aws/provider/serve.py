"""Starts the provider: `python -I serve.py --keys PATH --assets FOLDER --ready-file PATH [--port N] …`.

Serves on a loopback port until SIGTERM, or until its parent process ends. The ready file contains `{"port",
"pid"}` and is written when the provider is ready. The cloud's address is read from the environment
(AWS_ENDPOINT_URL, AWS_REGION), its keys from their file.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping
from concurrent import futures
from pathlib import Path

_ENDING = {signal.SIGTERM, signal.SIGINT}
_MOST_CALLS_AT_ONCE = 256
_SECONDS_TO_END = 3.0


def main(arguments: list[str]) -> int:
    """Serve until a signal or the parent's end; returns the exit code."""
    options = _parse(arguments)
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)  # inherited by all later threads: `sigwait` takes them
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    from sandbox.supervisor.child import end_with_parent, write_ready_file

    end_with_parent()
    import grpc
    from pulumi.runtime.proto import provider_pb2_grpc

    from runctl_auto.engine.language.admission import AdmittedOnly
    from sandbox.access.keys import load_keys
    from sandbox.aws.provider.admission import admission
    from sandbox.aws.provider.asset_content import AssetReader
    from sandbox.aws.provider.cancellation import SystemClock
    from sandbox.aws.provider.clients import ClientPool
    from sandbox.aws.provider.cloud import Pace
    from sandbox.aws.provider.service import AwsProvider, Machinery

    keys = load_keys(options.keys)
    environment = {**os.environ, **keys.variables}
    clients = ClientPool()
    machinery = Machinery(
        clients, SystemClock(), Pace(poll=options.poll_seconds), environment, AssetReader(options.assets)
    )
    admitted = AdmittedOnly()
    server = grpc.server(
        futures.ThreadPoolExecutor(_MOST_CALLS_AT_ONCE, thread_name_prefix="call"),
        interceptors=(admitted,),
        options=[
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
        ],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(AwsProvider(machinery), server)
    port = server.add_insecure_port(f"127.0.0.1:{options.port}")
    admitted.refusal = admission(port, keys)
    server.start()
    write_ready_file(options.ready_file, {"port": port})
    threading.Thread(target=_warm_up, args=(clients, environment), daemon=True).start()
    signal.sigwait(_ENDING)
    server.stop(0).wait(_SECONDS_TO_END)
    logging.shutdown()
    os._exit(0)


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The sandbox's aws provider.")
    parser.add_argument("--keys", type=Path, required=True, help="the cloud's keys")
    parser.add_argument("--assets", type=Path, required=True, help="the folder below which assets may lie")
    parser.add_argument("--ready-file", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument(
        "--poll-seconds", type=float, default=0.25, help="between two looks at what is waited for"
    )
    return parser.parse_args(arguments)


def _warm_up(clients: object, environment: Mapping[str, str]) -> None:
    from sandbox.aws.provider.clients import ClientPool
    from sandbox.aws.provider.configuration import ConfigurationError, parse_configuration

    assert isinstance(clients, ClientPool)  # noqa: S101
    try:
        clients.warm_up(parse_configuration({}, {"AWS_REGION": "us-east-1", **environment}).access)
    except ConfigurationError as missing:
        logging.getLogger(__name__).info("nothing loaded ahead: %s", missing)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

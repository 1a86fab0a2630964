"""Starts the emulated cloud: `python -I serve.py --cloud-id ID --keys PATH --ready-file PATH [--listen-fd
N] [--consoles DIR]`.

Serves on a loopback port (or an inherited listening socket), writes the ready file once warmed up, exits on
SIGTERM or when its parent ends.
"""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_CONSOLE_BYTES = 64 * 1024


def main() -> None:
    options = _options()
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    from sandbox.supervisor.child import end_with_parent, write_ready_file

    end_with_parent()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    _settle_moto()
    from sandbox.aws.cloud.service_descriptions import read_each_once

    read_each_once()
    from sandbox.access.keys import load_keys
    from sandbox.aws.cloud.emulator import Emulator

    emulator = Emulator(options.cloud_id, load_keys(options.keys), time.time, _consoles(options.consoles))
    server = _listen(emulator.application, options)
    threading.Thread(target=emulator.keep_time, name="lifecycle", daemon=True).start()
    threading.Thread(target=emulator.keep_groups, name="groups", daemon=True).start()
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    port = server.socket.getsockname()[1]
    emulator.warm_up()
    write_ready_file(Path(options.ready_file), {"port": port, "cloud": options.cloud_id})
    threading.Event().wait()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cloud-id", required=True)
    parser.add_argument(
        "--keys", required=True, type=Path, help="the cloud's keys, as sandbox.access.keys has them"
    )
    parser.add_argument("--ready-file", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--listen-fd", type=int)
    parser.add_argument("--consoles", type=Path, help="folder of the instances' console logs, ID.log")
    return parser.parse_args()


def _consoles(folder: Path | None) -> Callable[[str], bytes]:
    """Reads the end of an instance's console log; empty without one."""

    def read(instance: str) -> bytes:
        try:
            with (folder / f"{instance}.log").open("rb") as log:  # type: ignore[operator]
                log.seek(max(0, log.seek(0, os.SEEK_END) - _CONSOLE_BYTES))
                return log.read(_CONSOLE_BYTES)
        except OSError:
            return b""

    return read if folder is not None else lambda _: b""


def _settle_moto() -> None:
    """Set moto's switches, which it reads from the environment on import."""
    os.environ.update(
        {
            "MOTO_DISABLE_GLOBAL_CORS": "true",
            "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
            "S3_IGNORE_SUBDOMAIN_BUCKETNAME": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
    )


def _listen(application: Any, options: argparse.Namespace) -> Any:
    from moto.moto_server.werkzeug_app import MotoRequestHandler
    from werkzeug.serving import make_server

    class QuietHandler(MotoRequestHandler):  # type: ignore[misc]
        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Individual calls are not logged; errors are."""

    server = make_server(
        "127.0.0.1",
        options.port,
        application,
        threaded=True,
        request_handler=QuietHandler,
        fd=options.listen_fd,
    )
    server.daemon_threads = True
    return server


if __name__ == "__main__":
    main()

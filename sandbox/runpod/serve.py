"""Starts the stand-in: `python -I serve.py --keys PATH --cloud URL --folder DIR --ready-file PATH ...`.

Serves RunPod's API on a loopback port until SIGTERM, or until its parent process ends; then no pod runs any
more. What the account holds is kept in the folder: a process that is started after a crash goes on with it,
and with the pods that still run.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sandbox.access.keys import CloudKeys, load_keys
from sandbox.hosts.host import HostSetting
from sandbox.runpod.account import Account
from sandbox.runpod.application import Application
from sandbox.runpod.http_server import HttpServer
from sandbox.runpod.pod_hosts import PodHosts
from sandbox.supervisor.child import end_with_parent, write_ready_file


def main(arguments: list[str]) -> int:
    """Serve until a signal; returns the exit code."""
    options = _parse(arguments)
    os.umask(0o022)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    end_with_parent()
    keys = load_keys(options.keys)
    folder: Path = options.folder
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    account = Account(folder / "account.json", time.time)
    hosts = PodHosts(folder, lambda: _prepared(folder, options.cloud, keys))
    application = Application(account, hosts, keys.runpod_api_key, keys.control_token)
    hosts.tell = application.tell
    server = HttpServer(application, hosts.console, options.port)
    application.url = server.url
    application.resume(hosts.adopt())
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    write_ready_file(options.ready_file, {"port": server.port})
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    server.shutdown()
    hosts.end_all()
    return 0


def _prepared(folder: Path, cloud: str, keys: CloudKeys) -> HostSetting:
    from sandbox.hosts.cloud_client import CloudClient
    from sandbox.hosts.set_up import set_up

    return set_up(folder, CloudClient(cloud, keys), os.environ).setting


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="serve.py", description="A stand-in for RunPod's API.")
    parser.add_argument("--keys", type=Path, required=True, help="the sandbox's keys")
    parser.add_argument("--cloud", required=True, help="address of the emulated AWS, which pods may use")
    parser.add_argument("--folder", type=Path, required=True, help="what the account and its pods hold")
    parser.add_argument("--ready-file", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

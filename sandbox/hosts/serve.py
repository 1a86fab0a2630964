"""The process that runs the sandbox's hosts.

`serve.py --cloud URL --keys FILE --folder DIR --ready-file PATH` runs until SIGTERM, which ends all hosts and
leaves only their console logs. If it is killed, its hosts keep running, and the next process with the same
folder adopts them. `serve.py --stop-hosts --folder DIR` ends the hosts of a killed process, and exits.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from datetime import datetime, timezone
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sandbox.access.keys import load_keys
from sandbox.hosts.cloud_client import CloudClient
from sandbox.hosts.host_store import HostStore
from sandbox.hosts.isolation import IsolationError
from sandbox.hosts.manager import Manager, stop_hosts
from sandbox.hosts.set_up import set_up
from sandbox.supervisor.child import end_with_parent, write_ready_file


def _say(text: str) -> None:
    sys.stderr.write(f"{datetime.now(timezone.utc):%H:%M:%S.%f} {text}\n")
    sys.stderr.flush()


def main(arguments: list[str]) -> int:
    """Serve, or stop remaining hosts. Exit code 1: this machine cannot run hosts."""
    parser = argparse.ArgumentParser(prog="serve.py")
    parser.add_argument("--cloud", help="address of the emulated cloud")
    parser.add_argument("--keys", type=Path, help="the cloud's keys")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--ready-file", type=Path)
    parser.add_argument("--stop-hosts", action="store_true")
    options = parser.parse_args(arguments)
    os.umask(0o022)  # keeps files readable for hosts under a stricter umask; records get their own modes
    if options.stop_hosts:
        store = HostStore.existing(options.folder)
        stop_hosts(store)
        store.remove_private_place()
        return 0
    if not options.cloud or not options.keys or not options.ready_file:
        parser.error("--cloud, --keys and --ready-file are needed")
    end_with_parent()
    client = CloudClient(options.cloud, load_keys(options.keys))
    try:
        prepared = set_up(options.folder.resolve(), client, os.environ)
    except (IsolationError, OSError) as error:
        _say(f"no hosts on this machine: {error}")
        return 1
    manager = Manager(prepared.setting, client, _say)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: manager.stop())
    write_ready_file(
        options.ready_file,
        {"isolation": prepared.isolation.kind, "isolation_reason": prepared.isolation.reason},
    )
    _say(f"isolation: {prepared.isolation.kind}, {prepared.isolation.reason}")
    manager.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

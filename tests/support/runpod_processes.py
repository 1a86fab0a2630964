"""RunPod's stand-in as the processes that it is in the sandbox, without the rest of the sandbox."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from runctl_auto.providers.runpod.access import RunpodAccess
from runctl_auto.providers.runpod.client import RunpodClient
from sandbox import runpod
from sandbox.access.keys import CloudKeys, load_keys, new_keys, save_keys

SCRIPT = Path(runpod.__file__).with_name("serve.py")
PATIENCE = 60


class RunpodProcesses:
    """Serves in ``folder`` until it is closed. ``cloud`` is the address that pods have for AWS."""

    def __init__(self, folder: Path, cloud: str = "http://127.0.0.1:9") -> None:
        self._folder, self._cloud = folder, cloud
        self._keys_file = folder / "keys.json"
        save_keys(self._keys_file, new_keys())
        self.keys: CloudKeys = load_keys(self._keys_file)
        self._port = 0
        self.start()

    def start(self) -> None:
        ready = self._folder / "ready"
        ready.unlink(missing_ok=True)
        arguments = ["--keys", self._keys_file, "--cloud", self._cloud, "--folder", self._folder / "runpod"]
        self.process = subprocess.Popen(
            [sys.executable, "-I", SCRIPT, *arguments, "--ready-file", ready, "--port", str(self._port)]
        )
        await_that(ready.exists, "the stand-in is not ready")
        self._port = json.loads(ready.read_text())["port"]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def client(self) -> RunpodClient:
        return RunpodClient(RunpodAccess(self.url, self.keys.runpod_api_key))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.process.terminate()
        assert self.process.wait(PATIENCE) == 0

    def hosts(self) -> list[dict[str, Any]]:
        """The records of the pods' processes."""
        found = []
        for each in (self._folder / "runpod/hosts").glob("pod-*.json"):
            with suppress(FileNotFoundError):  # it has ended meanwhile
                found.append(json.loads(each.read_text()))
        return found


def await_that(condition: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up, what
        time.sleep(0.02)

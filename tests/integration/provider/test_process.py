"""The provider as a process: says when it is ready, keeps a given port, ends when told or orphaned."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import empty_pb2
from support.grpc_channel import channel_to
from support.provider_stub import provider_stub

from sandbox.access.keys import CloudKeys, keys_file, new_keys, save_keys

pytestmark = pytest.mark.sandbox

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_REGION": "us-east-1",
}
SCRIPT = Path(__file__).resolve().parents[3] / "sandbox" / "aws" / "provider" / "serve.py"
WAIT_SECONDS = 30.0


@pytest.fixture
def keys(tmp_path: Path) -> CloudKeys:
    keys = new_keys()
    save_keys(keys_file(tmp_path), keys)
    return keys


def command(ready: Path, *more: str) -> list[str]:
    places = ["--keys", str(keys_file(ready.parent)), "--assets", str(ready.parent)]
    return [sys.executable, "-I", str(SCRIPT), "--ready-file", str(ready), *places, *more]


def content_of(ready: Path) -> dict[str, Any]:
    deadline = time.monotonic() + WAIT_SECONDS
    while not ready.exists():
        assert time.monotonic() < deadline, "no ready file"
        time.sleep(0.02)
    return dict(json.loads(ready.read_text()))


def version_at(port: int, keys: CloudKeys) -> str:
    with channel_to(port) as channel:
        stub = provider_stub(channel, keys.bearer)
        return str(stub.GetPluginInfo(empty_pb2.Empty(), timeout=120).version)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_it_answers_when_it_says_so_and_keeps_its_port_when_started_again(
    tmp_path: Path, keys: CloudKeys
) -> None:
    port = 0
    for _ in range(2):
        ready = tmp_path / "ready.json"
        process = subprocess.Popen(command(ready, "--port", str(port)), env=ENVIRONMENT, cwd=tmp_path)
        content = content_of(ready)
        assert content["pid"] == process.pid
        assert port in (0, content["port"])
        port = content["port"]
        assert version_at(port, keys) == "7.51.1"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=120) == 0
        ready.unlink()
    assert list(tmp_path.iterdir()) == [keys_file(tmp_path)]


def test_it_ends_with_its_parent(tmp_path: Path, keys: CloudKeys) -> None:
    ready = tmp_path / "ready.json"
    program = f"import subprocess, time; subprocess.Popen({command(ready)!r}); time.sleep(60)"
    parent = subprocess.Popen([sys.executable, "-c", program], env=ENVIRONMENT, cwd=tmp_path)
    pid = content_of(ready)["pid"]
    parent.kill()
    parent.wait(timeout=120)
    deadline = time.monotonic() + 120
    while is_alive(pid):
        assert time.monotonic() < deadline, "the provider outlived its parent"
        time.sleep(0.02)


def test_modules_of_the_folder_it_starts_in_are_not_its_own(tmp_path: Path, keys: CloudKeys) -> None:
    for name in ("sandbox.py", "grpc.py", "botocore.py", "json.py"):
        (tmp_path / name).write_text("raise SystemExit('the wrong module')\n")
    ready = tmp_path / "ready.json"
    process = subprocess.Popen(command(ready), env=ENVIRONMENT, cwd=tmp_path)
    assert version_at(content_of(ready)["port"], keys) == "7.51.1"
    process.terminate()
    assert process.wait(timeout=120) == 0


def test_a_port_in_use_is_an_error(tmp_path: Path, keys: CloudKeys) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        process = subprocess.run(
            command(tmp_path / "ready.json", "--port", port),
            env=ENVIRONMENT,
            cwd=tmp_path,
            capture_output=True,
            timeout=WAIT_SECONDS,
            check=False,
        )
    assert process.returncode != 0
    assert port in process.stderr.decode()
    assert not (tmp_path / "ready.json").exists()

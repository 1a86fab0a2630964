"""The emulated cloud and the provider as processes, and an engine to drive them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from support.cloud_keys import control
from support.engine_root import engine_root

from sandbox.access.keys import CloudKeys, keys_file, new_keys, save_keys

ROOT = Path(__file__).resolve().parents[3]
PROVIDER = ROOT / "sandbox" / "aws" / "provider" / "serve.py"
CLOUD = ROOT / "sandbox" / "aws" / "cloud" / "serve.py"
START_SECONDS = 60.0


@dataclass(frozen=True)
class Process:
    """A process that has said where it serves."""

    handle: subprocess.Popen[bytes]
    port: int
    bearer: str = ""

    def end(self) -> int:
        """Ask it to end and wait; its exit code."""
        self.handle.terminate()
        return self.handle.wait(timeout=120)


@dataclass(frozen=True)
class EmulatedCloud:
    """The address of the cloud, what its clients need in their environment, and faults on demand."""

    url: str
    keys: CloudKeys
    keys_file: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        return {
            **kept,
            "AWS_ENDPOINT_URL": self.url,
            **self.keys.variables,
            "AWS_REGION": "us-east-1",
        }

    def client(self, service: str, region: str = "us-east-1") -> Any:
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=self.keys.access_key_id,
            aws_secret_access_key=self.keys.secret_access_key,
        )

    def fail(self, **fault: Any) -> None:
        """The next calls that fit fail with an error code."""
        self._ask("POST", fault)

    def heal(self) -> None:
        """No more faults."""
        self._ask("DELETE", None)

    def _ask(self, method: str, content: Any) -> None:
        control(self.url, method, "faults", content, keys=self.keys)


def wait_for(condition: Callable[[], Any], what: str, seconds: float = START_SECONDS) -> Any:
    """What the condition says once it says something; fails the test when the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.02)
    pytest.fail(f"{what} did not come within {seconds} s")


def start(script: Path, folder: Path, environment: dict[str, str], *arguments: str) -> Process:
    ready = folder / f"{script.parent.name}-{time.monotonic_ns()}.json"
    handle = subprocess.Popen(
        [sys.executable, "-I", str(script), "--ready-file", str(ready), *arguments],
        env=environment,
        cwd=folder,
        stderr=(folder / f"{ready.stem}.log").open("wb"),
    )
    wait_for(lambda: ready.exists() or handle.poll() is not None, f"{script.parent.name}'s ready file")
    assert handle.poll() is None, (folder / f"{ready.stem}.log").read_text()
    content = json.loads(ready.read_text())
    assert content["pid"] == handle.pid
    return Process(handle, content["port"])


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedCloud]:
    folder = tmp_path_factory.mktemp("cloud")
    keys, file = new_keys(), keys_file(folder)
    save_keys(file, keys)
    environment = EmulatedCloud("", keys, file).environment
    environment.pop("AWS_ENDPOINT_URL")
    process = start(CLOUD, folder, environment, "--cloud-id", "test", "--keys", str(file))
    yield EmulatedCloud(f"http://127.0.0.1:{process.port}", keys, file)
    process.end()


@pytest.fixture
def healthy(cloud: EmulatedCloud) -> Iterator[EmulatedCloud]:
    """The cloud, with its faults taken away at the end."""
    yield cloud
    cloud.heal()


@pytest.fixture(scope="session")
def provider(cloud: EmulatedCloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("provider")
    assets = tmp_path_factory.getbasetemp()
    places = ("--keys", str(cloud.keys_file), "--assets", str(assets))
    process = start(PROVIDER, folder, cloud.environment, *places, "--poll-seconds", "0.05")
    yield replace(process, bearer=cloud.keys.bearer)
    assert process.end() == 0


@pytest.fixture(scope="session")
def engine() -> Path:
    """The root of the engine."""
    return engine_root()

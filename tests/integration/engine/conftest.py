"""Projects with the toy provider, run by the engine's executable."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[3]
PULUMI = CHECKOUT / "sandbox" / "engine" / "bin" / "pulumi"
TOY_PROVIDER = CHECKOUT / "tests" / "support" / "toy_provider.py"

PRELUDE = """
import pulumi

class Thing(pulumi.CustomResource):
    out: pulumi.Output[str]
    def __init__(self, name, opts=None, **inputs):
        super().__init__("toy:index:Thing", name, {"out": None, **inputs}, opts)

class Group(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("toy:index:Group", name, {}, opts)

class Toys(pulumi.ProviderResource):
    def __init__(self, name, **inputs):
        super().__init__("toy", name, inputs)

Options = pulumi.ResourceOptions
"""


def until(condition: Callable[[], Any], seconds: float = 30) -> Any:
    """Waits for something to become true; its value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("it did not become true in time")


class ToyProviderProcess:
    """A running toy provider with its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cloud.json").write_text("{}")
        self.process = subprocess.Popen(
            [sys.executable, str(TOY_PROVIDER), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def orders(self, **orders: Any) -> None:
        """Tells the provider what to do."""
        (self.folder / "orders.json").write_text(json.dumps(orders))

    @property
    def cloud(self) -> dict[str, Any]:
        """What exists."""
        return json.loads((self.folder / "cloud.json").read_text())  # type: ignore[no-any-return]

    def calls(self, *kinds: str) -> list[dict[str, Any]]:
        """What it was asked for, in order."""
        try:
            lines = (self.folder / "calls.jsonl").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [call for call in map(json.loads, lines) if not kinds or call["call"] in kinds]

    def forget_calls(self) -> None:
        """Starts a new record of calls."""
        (self.folder / "calls.jsonl").unlink(missing_ok=True)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


class Project:
    """A project folder with a stack `dev` and a file backend."""

    def __init__(self, folder: Path, provider: ToyProviderProcess, name: str = "toys") -> None:
        self.folder, self.provider = folder / name, provider
        self.folder.mkdir()
        self.state_folder = folder / "state"
        self.state_folder.mkdir(exist_ok=True)
        self.settings()
        self.environment = {
            **os.environ,
            "PULUMI_DEBUG_PROVIDERS": f"toy:{provider.port}",
            "PULUMI_BACKEND_URL": f"file://{self.state_folder}",
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "secret phrase",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DEBUG_COMMANDS": "true",
        }
        self.pulumi("stack", "init", "dev")

    def settings(self, **more: Any) -> None:
        """Writes Pulumi.yaml."""
        (self.folder / "Pulumi.yaml").write_text(
            json.dumps({"name": self.folder.name, "runtime": {"name": "python"}, **more})
        )

    def program(self, text: str, path: str = "__main__.py") -> None:
        """Writes the program; what it needs of toys stands before it."""
        file = self.folder / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(PRELUDE + text)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts a command, in a process group of its own."""
        return subprocess.Popen(
            [str(PULUMI), "--non-interactive", "--color", "never", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def pulumi(self, *arguments: str, code: int = 0) -> str:
        """Runs a command; what it printed."""
        process = self.start(*arguments)
        try:
            output, _ = process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        assert process.returncode == code, output
        return output

    def up(self, *arguments: str, code: int = 0) -> str:
        return self.pulumi("up", "--yes", "--skip-preview", *arguments, code=code)

    def destroy(self, *arguments: str, code: int = 0) -> str:
        return self.pulumi("destroy", "--yes", "--skip-preview", *arguments, code=code)

    def refresh(self, *arguments: str, code: int = 0) -> str:
        return self.pulumi("refresh", "--yes", "--skip-preview", *arguments, code=code)

    @property
    def checkpoint(self) -> Path:
        """The stack's checkpoint file."""
        return self.state_folder / ".pulumi" / "stacks" / self.folder.name / "dev.json"

    def state(self) -> dict[str, Any]:
        """The deployment in the checkpoint."""
        return json.loads(self.checkpoint.read_text())["checkpoint"]["latest"]  # type: ignore[no-any-return]

    def resource(self, name: str) -> dict[str, Any]:
        """A resource of the state."""
        return next(r for r in self.state()["resources"] if r["urn"].endswith(f"::{name}"))  # type: ignore[no-any-return]

    def outputs(self, *arguments: str) -> dict[str, Any]:
        """The stack's outputs."""
        return json.loads(self.pulumi("stack", "output", "--json", *arguments))  # type: ignore[no-any-return]


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[ToyProviderProcess]:
    process = ToyProviderProcess(tmp_path / "provider")
    yield process
    process.end()


@pytest.fixture
def project(tmp_path: Path, provider: ToyProviderProcess) -> Project:
    return Project(tmp_path, provider)


@pytest.fixture
def wait_until() -> Callable[..., Any]:
    return until


@pytest.fixture
def another_project(tmp_path: Path, provider: ToyProviderProcess) -> Callable[[str], Project]:
    return lambda name: Project(tmp_path, provider, name)

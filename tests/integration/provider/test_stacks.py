"""Stacks on an engine over the provider: lives that change nothing twice, two at once, one cancelled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.sandbox

DRIVER = Path(__file__).with_name("drive_stack.py")
LONG = 300.0


class Stack:
    """A process that leads one stack; reads what it says."""

    def __init__(
        self, folder: Path, environment: dict[str, str], engine: Path, name: str, region: str
    ) -> None:
        self.folder = folder / name
        self.folder.mkdir()
        self.plan: dict[str, Any] = {
            "stack": name,
            "engine": str(engine),
            "folder": str(self.folder),
            "environment": environment,
            "settings": {"name": name, "region": region, "size": 1, "type": "t3.micro"},
        }
        self.environment = environment
        self.process: subprocess.Popen[str] | None = None

    def start(self, *operations: tuple[str, dict[str, Any]]) -> None:
        plan = json.dumps({**self.plan, "operations": operations})
        for _, changes in operations:
            self.plan["settings"].update(changes)
        self.process = subprocess.Popen(
            [sys.executable, str(DRIVER), plan],
            env={**os.environ, **self.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def finish(self) -> list[dict[str, Any]]:
        assert self.process is not None
        output, errors = self.process.communicate(timeout=LONG)
        self.process = None
        told = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
        assert told, errors
        return told

    def lead(self, *operations: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
        self.start(*operations)
        return self.finish()

    def interrupt(self) -> None:
        """Ctrl-C for the driver and its engine."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate(timeout=120)


@pytest.fixture
def environment(healthy: Any, provider: Any) -> dict[str, str]:
    return {
        **healthy.environment,
        "PULUMI_CONFIG_PASSPHRASE": "x",
        "PULUMI_DEBUG_PROVIDERS": f"aws:{provider.port}",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


@pytest.fixture
def stacks(tmp_path: Path, environment: dict[str, str], engine: Path) -> Iterator[Any]:
    made: list[Stack] = []

    def make(name: str, region: str) -> Stack:
        made.append(Stack(tmp_path, environment, engine, f"{name}-{os.getpid()}", region))
        return made[-1]

    yield make
    for stack in made:
        stack.end()


UP, REFRESH, DESTROY = ("up", {}), ("refresh", {}), ("destroy", {})
ALL = 11


def test_a_life(stacks: Any, healthy: Any) -> None:
    stack = stacks("life", "us-east-1")
    told = stack.lead(
        ("preview", {}),
        UP,
        UP,
        REFRESH,
        ("up", {"size": 2}),
        ("up", {"type": "t3.small"}),
        REFRESH,
    )
    changes = [one.get("changes", one) for one in told]
    assert changes[0] == {"create": ALL}
    assert changes[1] == {"create": ALL}
    assert changes[2] == changes[3] == {"same": ALL}
    assert changes[4] == {"same": ALL - 1, "update": 1}
    assert changes[5] == {"same": ALL - 2, "replace": 2}
    assert changes[6] == {"same": ALL}
    assert told[1]["outputs"]["tags"] == {"who": stack.plan["stack"]}
    first, second = told[1]["outputs"]["instance"], told[5]["outputs"]["instance"]
    assert first != second
    state = "".join(path.read_text() for path in stack.folder.rglob("*.json"))
    assert "hush" not in state

    healthy.client("ec2").terminate_instances(InstanceIds=[second])
    wait_until_terminated(healthy.client("ec2"), second)
    told = stack.lead(REFRESH, UP, DESTROY)
    assert [one.get("changes", one) for one in told] == [
        {"same": ALL - 2, "delete": 2},
        {"same": ALL - 2, "create": 2},
        {"delete": ALL},
    ]
    assert not healthy.client("s3").list_buckets(Prefix=f"proof-{stack.plan['stack']}")["Buckets"]


def wait_until_terminated(ec2: Any, identifier: str) -> None:
    deadline = time.monotonic() + LONG
    while True:
        found = ec2.describe_instances(InstanceIds=[identifier])["Reservations"][0]["Instances"][0]
        if found["State"]["Name"] == "terminated":
            return
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_two_at_once_and_one_cancelled(stacks: Any, healthy: Any) -> None:
    one, other = stacks("one", "us-west-2"), stacks("other", "eu-west-1")
    healthy.fail(
        service="ec2",
        operation="RunInstances",
        code="InsufficientInstanceCapacity",
        times=1000,
        match={"InstanceType": "t3.small"},
    )
    one.start(("up", {"type": "t3.small"}))
    other.start(UP)
    [told] = other.finish()
    assert told["outputs"]["tags"] == {"who": other.plan["stack"]}
    assert "eu-west-1" in told["outputs"]["arn"]
    one.interrupt()
    started = time.monotonic()
    one.finish()
    assert time.monotonic() - started < 20
    healthy.heal()
    [again] = one.lead(UP)
    assert again["outputs"]["tags"] == {"who": one.plan["stack"]}
    assert "us-west-2" in again["outputs"]["arn"]
    for stack in (one, other):
        [ended] = stack.lead(DESTROY)
        assert ended.get("changes", ended) == {"delete": ALL}

"""Histories recorded on Pulumi's engine, replayed on this one in one process.

They lie beside the project, in `../shared/recorded`; where they are not there is nothing to replay.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from support.toy_histories import inline

from sandbox.engine.checkpoint import DeploymentEncoder, decode_deployment, encode_deployment
from sandbox.engine.deploy.operation import run_operation
from sandbox.engine.deploy.request import (
    Cancellation,
    OperationKind,
    OperationRequest,
    Options,
    Program,
)
from sandbox.engine.model import Snapshot
from sandbox.engine.properties import plain, to_json

pytestmark = pytest.mark.sandbox

RECORDED = Path(__file__).parents[4] / "shared" / "recorded"
RECORDINGS = sorted((RECORDED / "stacks").glob("*.json"))
KINDS = {
    "up": OperationKind.UPDATE,
    "preview": OperationKind.PREVIEW,
    "refresh": OperationKind.REFRESH,
    "destroy": OperationKind.DESTROY,
    "destroyx": OperationKind.DESTROY,
}
SHOWN = {"resourcePreEvent": "resource_pre_event", "resOutputsEvent": "res_outputs_event"}
SHOWN |= {"resOpFailedEvent": "res_op_failed_event"}


@pytest.fixture(scope="module")
def replay() -> ModuleType:
    spec = importlib.util.spec_from_file_location("recorded_replay", RECORDED / "replay.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Disk:
    """Keeps the checkpoint as text."""

    def __init__(self) -> None:
        self._encoder = DeploymentEncoder(lambda plaintext: f"sealed:{plaintext}")
        self.text = "{}"

    def write(self, snapshot: Snapshot) -> None:
        self.text = self._encoder.text(snapshot)

    def read(self) -> Snapshot:
        return decode_deployment(json.loads(self.text), lambda sealed: sealed.removeprefix("sealed:"))


class Sink:
    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def emit(self, event: dict[str, Any]) -> None:
        self.events.append(event)


def perform(
    replay: ModuleType, step: Mapping[str, Any], disk: Disk, environment: Mapping[str, str], folder: Path
) -> dict[str, Any]:
    """Does one recorded step; the entry that the recording would have for it."""
    options = step["options"]
    sink = Sink()
    with inline(replay.program(step["program"])) as address:
        request = OperationRequest(
            KINDS[step["op"]],
            "fz",
            "s",
            Program(folder, client_address=address),
            options=Options(
                parallel=1,
                targets=tuple(options.get("target", ())),
                target_dependents=options.get("target_dependents", False),
                replace=tuple(options.get("replace", ())),
                refresh=options.get("refresh", False),
                exclude_protected=step["op"] == "destroyx",
            ),
            environment=environment,
        )
        before = disk.read()
        if step["op"] == "destroyx" and nothing_unprotected(before):
            result = SimpleNamespace(failed=False, changes=None)
        else:
            result = run_operation(request, before, sink, disk, Cancellation())
    entry: dict[str, Any] = {"op": step["op"], "result": "failed" if result.failed else "ok"}
    if not result.failed:
        entry["changes"] = result.changes
        root = disk.read().stack_resource()
        if step["op"] == "up":
            entry["out"] = to_json(plain(root.outputs), str) if root else {}
    entry["events"] = sorted(shown(sink.events))
    exported = encode_deployment(disk.read(), lambda _: "", show_secrets=True)
    entry["state"] = replay.norm_state(SimpleNamespace(deployment=exported))
    return entry


def nothing_unprotected(snapshot: Snapshot) -> bool:
    """Whether a destroy without the protected ones has nothing to do, so that the command does nothing."""
    from sandbox.engine.deploy.operation import protected_excludes

    return bool(snapshot.resources) and len(protected_excludes(snapshot.resources)) == len(snapshot.resources)


def shown(events: list[dict[str, Any]]) -> Iterator[list[str]]:
    for event in events:
        for kind, content in event.items():
            if kind in SHOWN:
                yield [SHOWN[kind], content["metadata"]["op"], content["metadata"]["urn"]]


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_a_recorded_history_replays_the_same(path: Path, replay: ModuleType, tmp_path: Path) -> None:
    recording = json.loads(path.read_text())
    control, dump = tmp_path / "control.json", tmp_path / "dump.json"
    with subprocess.Popen(
        [sys.executable, str(RECORDED / "scripted_provider.py"), str(control), str(dump)],
        stdout=subprocess.PIPE,
        text=True,
    ) as provider:
        try:
            assert provider.stdout is not None
            environment = {"PULUMI_DEBUG_PROVIDERS": f"fuzz:{provider.stdout.readline().strip()}"}
            disk, kept, played = Disk(), set(), []
            for step in recording["steps"]:
                control.write_text(json.dumps({"fail": step["fail"]}))
                entry = perform(replay, step, disk, environment, tmp_path)
                after = json.loads(dump.read_text())
                entry |= {"calls": sorted(map(str, after["calls"])), "cloud": after["cloud"]}
                kept |= {
                    r["id"] for r in entry["state"]["resources"] if r.get("retainOnDelete") and r.get("id")
                }
                entry["retained"] = sorted(kept)
                played.append(json.loads(json.dumps(entry)))
        finally:
            provider.kill()
    for wanted, got in zip(recording["recorded"], played, strict=True):
        if wanted["result"] != "ok":
            wanted["result"] = "failed"
        if got.get("changes", 0) is None:
            got["changes"] = wanted["changes"]
    assert replay.compare(recording["recorded"], played) is None

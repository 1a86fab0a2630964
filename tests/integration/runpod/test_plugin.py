"""RunPod's resources on Pulumi's engine: the plugin as a command starts it, against the stand-in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest
from support.engine.toy_stack import Program, ToyStack
from support.engine_root import engine_root
from support.runpod_processes import RunpodProcesses, await_that

from components.runpod_resources import NetworkVolume, Pod, Secret, Template
from runctl_auto.engine.provider_host.host import ATTACHED, ProviderHost
from runctl_auto.providers.runpod.creation import NETWORK_VOLUMES, PODS, SECRETS, TEMPLATES
from sandbox.daemon import control_at

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]
CPU = {"id": "cpu3c", "vcpuCount": 2}


@pytest.fixture
def runpod(tmp_path: Path) -> Iterator[RunpodProcesses]:
    folder = tmp_path / "runpod"
    folder.mkdir()
    made = RunpodProcesses(folder)
    yield made
    made.close()


@pytest.fixture
def stack(tmp_path: Path, runpod: RunpodProcesses) -> Iterator[ToyStack]:
    host = ProviderHost({"RUNPOD_API_KEY": runpod.keys.runpod_api_key, "RUNPOD_ENDPOINT_URL": runpod.url})
    made = ToyStack(engine_root(), tmp_path / "project", 0, host.variables({}))
    made.prepare()
    yield made
    host.close()


def program(token: str = "hidden", size: int = 10, args: str = "sleep 600") -> Program:
    def declare() -> None:
        secret = Secret("s", {"name": "runctl-s", "value": pulumi.Output.secret(token)})
        volume = NetworkVolume("v", {"name": "runctl-v", "size": size, "dataCenter": "EU-RO-1"})
        template = Template("t", {"name": "runctl-t", "image": "any", "env": {"A": "1"}})
        fields: Mapping[str, Any] = {
            "name": "runctl-p",
            "cpu": CPU,
            "args": args,
            "templateId": template.id,
            "env": {"TOKEN": "{{ RUNPOD_SECRET_runctl-s }}"},
            "mounts": {"network": [{"volumeId": volume.id, "path": "/data"}]},
        }
        Pod("p", fields, pulumi.ResourceOptions(depends_on=[secret]))

    return declare


def fail(runpod: RunpodProcesses, kind: str, operation: str, times: int = 1) -> None:
    fault = {"kind": kind, "operation": operation, "times": times}
    control_at(runpod.url, runpod.keys.bearer, "POST", "faults", fault)


def test_the_life_of_a_stack(stack: ToyStack, runpod: RunpodProcesses) -> None:
    client = runpod.client
    seen = stack.operate("preview", program())
    assert seen.code == 0, seen.errors
    stack.up(program())
    (pod,) = PODS.all(client)
    (volume,) = NETWORK_VOLUMES.all(client)
    assert (pod["name"], pod["template"], pod["dataCenterId"]) == (
        "runctl-p",
        TEMPLATES.all(client)[0]["id"],
        "EU-RO-1",
    )
    assert stack.resource("p")["id"] == pod["id"]
    assert stack.resource("p")["outputs"]["dataCenterId"] == "EU-RO-1"
    state = json.dumps(stack.document())
    assert "hidden" not in state
    assert runpod.keys.runpod_api_key not in state

    again = stack.up(program())
    assert again.told("summaryEvent")[0]["resourceChanges"] == {"same": 5}
    stack.up(program(size=20, token="other"))
    assert (NETWORK_VOLUMES.all(client)[0]["id"], NETWORK_VOLUMES.all(client)[0]["size"]) == (
        volume["id"],
        20,
    )
    stack.up(program(size=20, token="other", args="sleep 601"))
    (replaced,) = PODS.all(client)
    assert replaced["id"] != pod["id"]

    control_at(runpod.url, runpod.keys.bearer, "POST", f"pods/{replaced['id']}/vanish", {})
    stack.up(program(size=20, token="other", args="sleep 601"), "--refresh")
    assert len(PODS.all(client)) == 1
    assert stack.operate("destroy", None).code == 0
    for collection in (PODS, NETWORK_VOLUMES, TEMPLATES, SECRETS):
        assert collection.all(client) == []
    await_that(lambda: runpod.hosts() == [], "processes of pods are left")


def test_what_a_killed_update_made_is_found_by_its_name(stack: ToyStack, runpod: RunpodProcesses) -> None:
    fail(runpod, "failing-after", "POST /v2/network-volumes")
    stack.up(program())
    assert len(NETWORK_VOLUMES.all(runpod.client)) == 1
    left = stack.deployment()
    assert stack.operate("destroy", None, "--target", stack.resource("p")["urn"]).code == 0
    # As after a kill between the call and the state: the pod exists, and the state knows nothing of it.
    runpod.client.create_once(
        "/v2/pods", {"name": "runctl-p", "image": "any", "args": "sleep 600", "cpu": CPU}
    )
    (orphan,) = PODS.all(runpod.client)
    stack.up(program())
    assert [each["id"] for each in PODS.all(runpod.client)] == [orphan["id"]]
    assert stack.operate("destroy", None).code == 0
    assert PODS.all(runpod.client) == []
    assert left


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("no-capacity", "placement-refused"),
        ("balance-spent", "balance-spent"),
        ("key-revoked", "credentials"),
        ("throttled", "throttled"),
    ],
)
def test_errors_are_told_with_their_kind(
    stack: ToyStack, runpod: RunpodProcesses, kind: str, told: str
) -> None:
    fail(runpod, kind, "POST /v2/pods", times=9)
    ran = stack.operate("up", program())
    assert ran.code != 0
    assert any(f"(runctl-runpod error: {told})" in each for each in ran.errors), ran.text
    assert not any("Traceback" in each or 'File "' in each for each in ran.errors), ran.text
    control_at(runpod.url, runpod.keys.bearer, "DELETE", "faults", {})
    assert stack.operate("destroy", None).code == 0
    assert PODS.all(runpod.client) == []


def test_the_provider_is_attached_beside_others(runpod: RunpodProcesses) -> None:
    host = ProviderHost({"RUNPOD_API_KEY": "k"})
    try:
        first = host.variables({ATTACHED: "aws:1,runctl-runpod:2"})[ATTACHED]
        assert first.startswith("aws:1,runctl-runpod:")
        assert host.variables({})[ATTACHED] == first.removeprefix("aws:1,")
    finally:
        host.close()

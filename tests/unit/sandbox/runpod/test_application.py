"""The rules of the stand-in that clients meet; answers are held against the digest by the support."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.runpod_account import ENDPOINT, KEY, RunpodUnderTest

from sandbox.runpod.account import Account
from sandbox.runpod.application import Request

POD = {"name": "p", "image": "i", "gpu": {"id": "NVIDIA A40", "count": 1}}


@pytest.fixture
def runpod(tmp_path: Path) -> RunpodUnderTest:
    return RunpodUnderTest(tmp_path)


def ask(
    runpod: RunpodUnderTest, method: str, path: str, body: Mapping[str, Any] | None = None, key: str = KEY
) -> tuple[int, dict[str, Any]]:
    request = Request.of(
        method, path, {"Authorization": f"Bearer {key}"}, b"" if body is None else json.dumps(body).encode()
    )
    answer = runpod.application(request)
    return answer.status, json.loads(answer.body or b"{}")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"colour": "red"}, 422),
        ({"name": ""}, 422),
        ({"disk": 0}, 422),
        ({"cpu": {"id": "cpu3c", "vcpuCount": 2}}, 400),
        ({"gpu": {"id": "NVIDIA Abacus"}}, 400),
        ({"gpu": {"id": "NVIDIA A40", "count": 9}}, 400),
        ({"gpu": {"id": "NVIDIA H100 80GB HBM3"}, "cloud": "COMMUNITY"}, 400),
        ({"dataCenterIds": ["MOON-1"]}, 400),
        ({"mounts": {"network": [{"volumeId": "none", "path": "/d"}]}}, 404),
        ({"templateId": "none"}, 404),
    ],
)
def test_pods_that_are_refused(runpod: RunpodUnderTest, change: dict[str, Any], status: int) -> None:
    told, problem = ask(runpod, "POST", "/v2/pods", {**POD, **change})
    assert (told, problem["status"]) == (status, status)
    assert runpod.account.all("pods") == []


def test_an_image_is_needed_unless_a_template_has_it(runpod: RunpodUnderTest) -> None:
    bare = {"name": "p", "gpu": {"id": "NVIDIA A40"}}
    assert ask(runpod, "POST", "/v2/pods", bare)[0] == 422
    _, template = ask(
        runpod, "POST", "/v2/templates", {"name": "t", "image": "i", "env": {"A": "1", "B": "1"}}
    )
    status, pod = ask(runpod, "POST", "/v2/pods", {**bare, "templateId": template["id"], "env": {"B": "2"}})
    assert (status, pod["image"], pod["env"]) == (201, "i", {"A": "1", "B": "2"})
    assert ask(runpod, "DELETE", f"/v2/templates/{template['id']}")[0] == 400
    assert ask(runpod, "DELETE", f"/v2/pods/{pod['id']}")[0] == 204
    assert ask(runpod, "DELETE", f"/v2/templates/{template['id']}")[0] == 204


def test_transitions_are_those_that_are_published(runpod: RunpodUnderTest) -> None:
    _, pod = ask(runpod, "POST", "/v2/pods", POD)
    path = f"/v2/pods/{pod['id']}/action"
    assert pod["actions"] == ["stop", "terminate"]
    assert ask(runpod, "POST", path, {"action": "start"})[0] == 409
    runpod.application.tell(pod["id"], "RUNNING")
    assert ask(runpod, "GET", f"/v2/pods/{pod['id']}")[1]["cost"] == 0.75
    status, stopped = ask(runpod, "POST", path, {"action": "stop"})
    assert (status, stopped["status"], stopped["cost"]) == (200, "EXITED", 0.0)
    assert ask(runpod, "POST", path, {"action": "terminate"}) == (204, {})
    assert ask(runpod, "GET", f"/v2/pods/{pod['id']}")[0] == 404


def test_a_network_volume_ties_its_pod_to_a_place_and_grows_only(runpod: RunpodUnderTest) -> None:
    _, volume = ask(runpod, "POST", "/v2/network-volumes", {"name": "v", "size": 20, "dataCenter": "EU-RO-1"})
    mounts = {"network": [{"volumeId": volume["id"], "path": "/data"}]}
    _, pod = ask(runpod, "POST", "/v2/pods", {**POD, "mounts": mounts})
    assert pod["dataCenterId"] == "EU-RO-1"
    assert runpod.hosts.started[pod["id"]]["RUNPOD_VOLUME_ID"] == volume["id"]
    elsewhere = {**POD, "mounts": mounts, "dataCenterIds": ["US-KS-2"]}
    assert ask(runpod, "POST", "/v2/pods", elsewhere)[0] == 400
    assert ask(runpod, "PATCH", f"/v2/network-volumes/{volume['id']}", {"size": 10})[0] == 400
    assert ask(runpod, "PATCH", f"/v2/network-volumes/{volume['id']}", {"size": 30})[1]["size"] == 30


def test_secrets_come_to_a_pod_when_it_boots(runpod: RunpodUnderTest) -> None:
    assert ask(runpod, "POST", "/v2/account/secrets", {"name": "s-1", "value": "hidden"})[0] == 201
    assert ask(runpod, "POST", "/v2/account/secrets", {"name": "s-1", "value": "other"})[0] == 409
    assert ask(runpod, "POST", "/v2/account/secrets", {"name": "RunPod_x", "value": "v"})[0] == 422
    env = {"A": "{{ RUNPOD_SECRET_s-1 }}", "B": "{{ RUNPOD_SECRET_none }}"}
    _, pod = ask(runpod, "POST", "/v2/pods", {**POD, "env": env})
    assert pod["env"] == env
    started = runpod.hosts.started[pod["id"]]
    assert (started["A"], started["B"]) == ("hidden", env["B"])


def test_a_pods_own_key_reaches_the_pod_and_nothing_else(runpod: RunpodUnderTest) -> None:
    _, pod = ask(runpod, "POST", "/v2/pods", POD)
    _, other = ask(runpod, "POST", "/v2/pods", {**POD, "name": "q"})
    key = runpod.hosts.started[pod["id"]]["RUNPOD_API_KEY"]
    assert ask(runpod, "GET", f"/v2/pods/{other['id']}", key=key)[0] == 403
    assert ask(runpod, "GET", "/v2/pods", key=key)[0] == 403
    assert ask(runpod, "DELETE", f"/v2/pods/{pod['id']}", key=key)[0] == 204
    assert ask(runpod, "GET", f"/v2/pods/{pod['id']}", key=key)[0] == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("PUT", "/v2/pods", 405), ("GET", "/v1/pods", 404), ("GET", "/v2/pods/x/y", 404)],
)
def test_what_the_api_has_not(runpod: RunpodUnderTest, method: str, path: str, status: int) -> None:
    assert ask(runpod, method, path)[0] == status


def test_a_request_without_a_key_is_not_looked_at(runpod: RunpodUnderTest) -> None:
    for headers in ({}, {"Authorization": "Basic x"}, {"Authorization": "Bearer wrong"}):
        assert runpod.application(Request.of("POST", "/v2/pods", headers, b"x")).status in (400, 401)
        assert runpod.application(Request.of("GET", "/v2/pods", headers, b"")).status == 401


def test_another_process_goes_on_with_the_account(runpod: RunpodUnderTest, tmp_path: Path) -> None:
    _, pod = ask(runpod, "POST", "/v2/pods", {**POD, "env": {"A": "{{ RUNPOD_SECRET_s }}"}})
    ask(runpod, "POST", "/v2/account/secrets", {"name": "s", "value": "hidden"})
    again = RunpodUnderTest(tmp_path)
    assert again.account.all("pods") == runpod.account.all("pods")
    again.application.resume(frozenset({"gone"}))
    assert again.hosts.started[pod["id"]]["A"] == "hidden"
    assert again.hosts.ended == ["gone"]


def test_a_pod_that_vanishes_is_gone(runpod: RunpodUnderTest) -> None:
    _, pod = ask(runpod, "POST", "/v2/pods", POD)
    assert runpod.control("POST", f"pods/{pod['id']}/vanish") == {"vanished": pod["id"]}
    assert runpod.control("GET", "inventory")["pods"] == []
    assert runpod.hosts.ended == [pod["id"]]


def test_the_control_calls_need_the_token(runpod: RunpodUnderTest) -> None:
    request = Request.of("GET", "/sandbox-api/inventory", {"Authorization": f"Bearer {KEY}"}, b"")
    assert runpod.application(request).status == 401


def test_the_account_file_is_for_its_owner_only(runpod: RunpodUnderTest, tmp_path: Path) -> None:
    ask(runpod, "POST", "/v2/account/secrets", {"name": "s", "value": "hidden"})
    assert (tmp_path / "account.json").stat().st_mode & 0o077 == 0
    assert Account(tmp_path / "account.json", lambda: 0.0).all("secrets") == runpod.account.all("secrets")


def test_availability_needs_its_product(runpod: RunpodUnderTest) -> None:
    assert ask(runpod, "GET", "/v2/catalog/gpus?include=AVAILABILITY")[0] == 400
    _, told = ask(runpod, "GET", "/v2/catalog/gpus?include=AVAILABILITY&product=POD")
    assert {each["availability"] for each in told["gpus"]} == {"HIGH"}
    assert runpod.client.read("/v2/catalog/cpus") == ask(runpod, "GET", "/v2/catalog/cpus")[1]
    assert runpod.client.read("/v2/catalog/datacenters")["dataCenters"]
    assert runpod.sent[0][1].startswith(ENDPOINT)

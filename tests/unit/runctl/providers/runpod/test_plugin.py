"""The provider of RunPod's resources as Pulumi's engine calls it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import (
    CheckRequest,
    CreateRequest,
    CreateResponse,
    DeleteRequest,
    DiffRequest,
    DiffResponse,
    ReadRequest,
    ReadResponse,
    UpdateRequest,
)
from support.runpod_account import A40, RunpodUnderTest

from runctl_auto.errors import CloudError, NotSupportedError
from runctl_auto.providers.runpod.creation import NETWORK_VOLUMES, PODS, SECRETS
from runctl_auto.providers.runpod.plugin.service import RunpodPlugin
from runctl_auto.providers.runpod.plugin.values import is_unknown, plain_all, property_of

POD, VOLUME, SECRET = (f"runctl-runpod:index:{each}" for each in ("Pod", "NetworkVolume", "Secret"))
POD_FIELDS = {"name": "runctl-p", "image": "any", "machineType": "nvidia-a40.1", "args": "sleep 9"}


class Engine:
    """Calls of the engine on resources of one type."""

    def __init__(self, plugin: RunpodPlugin, token: str) -> None:
        self.plugin, self.token = plugin, token
        self.urn = f"urn:pulumi:s::p::{token}::r"

    def create(self, fields: Mapping[str, Any], *, preview: bool = False) -> CreateResponse:
        request = CreateRequest(self.urn, properties(fields), 0, preview)
        return asyncio.run(self.plugin.create(request))

    def check(self, fields: Mapping[str, Any]) -> list[tuple[str, str]]:
        request = CheckRequest(self.urn, {}, properties(fields), b"")
        failures = asyncio.run(self.plugin.check(request)).failures or []
        return [(each.property, each.reason) for each in failures]

    def diff(
        self, state: Mapping[str, PropertyValue], news: Mapping[str, Any], ignored: list[str] | None = None
    ) -> DiffResponse:
        request = DiffRequest(self.urn, "id", dict(state), properties(news), ignored or [])
        return asyncio.run(self.plugin.diff(request))

    def update(
        self, identity: str, state: Mapping[str, PropertyValue], news: Mapping[str, Any]
    ) -> dict[str, Any]:
        request = UpdateRequest(self.urn, identity, dict(state), properties(news), 0, [], False)
        return plain_all(asyncio.run(self.plugin.update(request)).properties or {})

    def read(self, identity: str, fields: Mapping[str, Any]) -> ReadResponse:
        given = properties(fields)
        return asyncio.run(self.plugin.read(ReadRequest(self.urn, identity, given, given)))

    def delete(self, identity: str) -> None:
        request = DeleteRequest(self.urn, identity, {}, 0)
        asyncio.run(self.plugin.delete(request))


def properties(fields: Mapping[str, Any]) -> dict[str, PropertyValue]:
    return {name: property_of(value) for name, value in fields.items()}


@pytest.fixture
def plugin(runpod: RunpodUnderTest) -> RunpodPlugin:
    return RunpodPlugin(lambda: runpod.client)


def test_a_pods_life(plugin: RunpodPlugin, runpod: RunpodUnderTest) -> None:
    pods = Engine(plugin, POD)
    assert pods.check(POD_FIELDS) == []
    seen = pods.create(POD_FIELDS, preview=True)
    assert PODS.all(runpod.client) == []
    assert seen.properties is not None
    assert seen.properties["dataCenterId"].value == "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

    made = pods.create(POD_FIELDS)
    assert made.properties is not None
    (pod,) = PODS.all(runpod.client)
    assert (made.resource_id, pod["gpu"]["id"]) == (pod["id"], "NVIDIA A40")
    assert plain_all(made.properties)["exited"] is False
    assert pods.diff(made.properties, POD_FIELDS).changes is False

    changed = pods.diff(made.properties, {**POD_FIELDS, "args": "sleep 10"})
    assert (changed.replaces, changed.delete_before_replace) == (["args"], True)
    assert pods.diff(made.properties, {**POD_FIELDS, "args": "x"}, ["args"]).changes is False

    found = pods.read(pod["id"], POD_FIELDS)
    assert (found.resource_id, plain_all(found.inputs or {})) == (pod["id"], POD_FIELDS)
    pods.delete(pod["id"])
    pods.delete(pod["id"])
    assert pods.read(pod["id"], POD_FIELDS).resource_id == ""


def test_a_pod_that_has_exited_is_replaced(plugin: RunpodPlugin, runpod: RunpodUnderTest) -> None:
    pods = Engine(plugin, POD)
    made = pods.create(POD_FIELDS)
    runpod.application.tell(made.resource_id, "EXITED")
    found = pods.read(made.resource_id, POD_FIELDS)
    assert found.properties is not None
    assert pods.diff(found.properties, POD_FIELDS).replaces == ["exited"]


def test_the_same_name_is_the_same_resource(plugin: RunpodPlugin, runpod: RunpodUnderTest) -> None:
    pods = Engine(plugin, POD)
    assert pods.create(POD_FIELDS).resource_id == pods.create(POD_FIELDS).resource_id
    assert len(PODS.all(runpod.client)) == 1


def test_a_volume_grows_and_moves_by_being_replaced(plugin: RunpodPlugin, runpod: RunpodUnderTest) -> None:
    volumes = Engine(plugin, VOLUME)
    fields = {"name": "runctl-v", "size": 10, "dataCenter": "EU-RO-1"}
    made = volumes.create(fields)
    assert made.properties is not None
    grown = volumes.diff(made.properties, {**fields, "size": 20})
    assert (grown.changes, grown.replaces) == (True, [])
    assert volumes.update(made.resource_id, made.properties, {**fields, "size": 20})["size"] == 20
    assert NETWORK_VOLUMES.all(runpod.client)[0]["size"] == 20
    drifted = volumes.read(made.resource_id, fields)
    assert plain_all(drifted.inputs or {})["size"] == 20
    assert volumes.diff(made.properties, {**fields, "dataCenter": "US-KS-2"}).replaces == ["dataCenter"]


def test_a_secret_stays_one(plugin: RunpodPlugin, runpod: RunpodUnderTest) -> None:
    secrets = Engine(plugin, SECRET)
    given = {"name": property_of("runctl-s"), "value": property_of("hidden", secret=True)}
    request = CreateRequest(secrets.urn, given, 0, False)
    made = asyncio.run(plugin.create(request))
    assert made.properties is not None
    assert made.properties["value"].is_secret
    assert [each["name"] for each in SECRETS.all(runpod.client)] == ["runctl-s"]
    found = secrets.read(made.resource_id, {"name": "runctl-s", "value": "hidden"})
    assert plain_all(found.inputs or {})["value"] == "hidden"


def test_what_is_missing_or_not_known_is_told(plugin: RunpodPlugin) -> None:
    assert Engine(plugin, VOLUME).check({"name": "v", "size": 10, "colour": "red"}) == [
        ("dataCenter", "is needed"),
        ("colour", "is not known"),
    ]
    with pytest.raises(NotSupportedError, match="no resource type"):
        Engine(plugin, "runctl-runpod:index:Cluster").check({})


def test_a_machine_type_that_there_is_not(plugin: RunpodPlugin, runpod: RunpodUnderTest) -> None:
    with pytest.raises(CloudError, match="no machine type"):
        Engine(plugin, POD).create({**POD_FIELDS, "machineType": "nvidia-a41.1"})
    assert PODS.all(runpod.client) == []
    runpod.client.create_once("/v2/pods", {"name": "other", "image": "any", **A40})
    assert not is_unknown(property_of("x"))

"""Pulumi's deployment JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.engine.checkpoint import (
    CheckpointError,
    DeploymentEncoder,
    IntegrityError,
    check_features,
    check_integrity,
    decode_deployment,
    encode_deployment,
    features,
)
from sandbox.engine.model import Manifest, Resource, Snapshot
from sandbox.engine.properties import Secret

ROOT = "urn:pulumi:dev::toys::pulumi:pulumi:Stack::toys-dev"
PROVIDER = "urn:pulumi:dev::toys::pulumi:providers:toy::default"
A = "urn:pulumi:dev::toys::toy:index:Thing::a"
B = "urn:pulumi:dev::toys::toy:index:Thing::b"

FULL: dict[str, Any] = {
    "manifest": {
        "time": "2026-01-02T03:04:05.678Z",
        "magic": "m",
        "version": "v3.0.0",
        "plugins": [{"name": "x"}],
    },
    "secrets_providers": {"type": "passphrase", "state": {"salt": "v1:x"}},
    "resources": [
        {
            "urn": A,
            "custom": True,
            "delete": True,
            "id": "a-1",
            "type": "toy:index:Thing",
            "inputs": {
                "n": 1,
                "s": {
                    "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
                    "ciphertext": 'sealed:"x"',
                },
            },
            "outputs": {"n": 1.5},
            "parent": ROOT,
            "protect": True,
            "taint": True,
            "external": True,
            "dependencies": [B],
            "initErrors": ["slow"],
            "provider": f"{PROVIDER}::id",
            "propertyDependencies": {"n": [B], "s": []},
            "pendingReplacement": True,
            "additionalSecretOutputs": ["n"],
            "aliases": [B],
            "customTimeouts": {"create": 90},
            "importID": "i",
            "retainOnDelete": True,
            "deletedWith": B,
            "replaceWith": [B],
            "created": "2026-01-02T03:04:05Z",
            "modified": "2026-01-02T03:04:05Z",
            "sourcePosition": "project:///x.py#1",
            "stackTrace": [{"sourcePosition": "project:///x.py#1"}, {}],
            "ignoreChanges": ["n"],
            "hideDiff": [["n"]],
            "replaceOnChanges": ["n"],
            "replacementTrigger": 7,
            "refreshBeforeUpdate": True,
            "viewOf": B,
            "resourceHooks": {"before_create": ["h"]},
            "somethingNew": {"kept": True},
        }
    ],
    "pending_operations": [
        {"resource": {"urn": B, "custom": True, "type": "toy:index:Thing"}, "type": "creating"}
    ],
    "metadata": {"integrity_error": {"error": "e"}},
    "unheardOf": [1],
}


def seal(plaintext: str) -> str:
    return f"sealed:{plaintext}"


def unseal(ciphertext: str) -> str:
    return ciphertext.removeprefix("sealed:")


def test_every_field_survives_also_those_unheard_of() -> None:
    assert encode_deployment(decode_deployment(FULL, unseal), seal) == FULL


def test_fields_stand_in_pulumis_order() -> None:
    encoded = encode_deployment(decode_deployment(FULL, unseal), seal)
    assert list(encoded["resources"][0]) == list(FULL["resources"][0])


def test_the_encoder_writes_the_same_text_and_follows_changes() -> None:
    snapshot = decode_deployment(FULL, unseal)
    encoder = DeploymentEncoder(seal)
    assert json.loads(encoder.text(snapshot)) == FULL
    snapshot.resources[0].protect = False
    assert "protect" not in json.loads(encoder.text(snapshot))["resources"][0]


def test_the_encoder_encodes_only_what_changed() -> None:
    calls = []

    def counting(plaintext: str) -> str:
        calls.append(plaintext)
        return "c"

    resources = [
        Resource(f"urn:pulumi:s::p::t:i:T::{i}", "t:i:T", inputs={"x": Secret(i)}) for i in range(50)
    ]
    snapshot = Snapshot(resources=resources)
    encoder = DeploymentEncoder(counting)
    encoder.text(snapshot)
    resources[7].inputs = {"x": Secret("new")}
    encoder.text(snapshot)
    assert len(calls) == 51


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        ({"type": "t"}, "missing required 'urn'"),
        ({"urn": A}, "missing required 'type'"),
        ({"urn": A, "type": "t", "custom": False, "id": "x"}, "non-empty ID"),
        ({"urn": A, "type": "t", "inputs": {"x": {"4dabf18193072939515e22adb298388d": "?"}}}, "unrecognized"),
    ],
)
def test_malformed_resources_are_refused(resource: dict[str, Any], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        decode_deployment({"resources": [resource]}, unseal)


def test_features_beyond_version_3_are_named_and_checked() -> None:
    assert features(decode_deployment(FULL, unseal)) == [
        "hooks",
        "refreshBeforeUpdate",
        "replaceWith",
        "taint",
        "views",
    ]
    check_features(["taint"])
    with pytest.raises(CheckpointError, match="timeTravel"):
        check_features(["taint", "timeTravel"])


def thing(urn: str, **fields: Any) -> Resource:
    return Resource(urn, "toy:index:Thing", custom=True, id=urn[-1], **fields)


def snapshot_of(*resources: Resource) -> Snapshot:
    base = [
        Resource(ROOT, "pulumi:pulumi:Stack"),
        Resource(PROVIDER, "pulumi:providers:toy", custom=True, id="id"),
    ]
    return Snapshot(Manifest.of_this_engine("2026-01-01T00:00:00Z"), resources=[*base, *resources])


def test_a_sound_state_passes() -> None:
    check_integrity(
        snapshot_of(
            thing(A, parent=ROOT, provider=f"{PROVIDER}::id"),
            thing(B, dependencies=[A], property_dependencies={"x": [A]}, deleted_with=A, replace_with=[A]),
            thing(A, delete=True),
            thing(A, delete=True),
        )
    )


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ([thing(A, parent=B), thing(B)], "parent .* comes after it"),
        ([thing(A, parent=B)], "parent .* refers to missing resource"),
        ([thing(A, dependencies=[B])], "dependency .* refers to missing"),
        ([thing(A, dependencies=[B]), thing(B)], "dependency .* comes after it"),
        ([thing(A, property_dependencies={"x": [B]})], "from property x"),
        ([thing(A, deleted_with=B)], "deletion companion"),
        ([thing(A, replace_with=[B])], "replacement companion"),
        ([thing(A, provider=f"{PROVIDER}::other")], "unknown provider"),
        ([thing(A), thing(A)], "duplicate resource"),
        ([Resource(A, "t", id="x")], "non-empty ID"),
    ],
)
def test_a_broken_state_is_refused(resources: list[Resource], message: str) -> None:
    with pytest.raises(IntegrityError, match=message):
        check_integrity(snapshot_of(*resources))


def test_a_tampered_manifest_is_refused() -> None:
    with pytest.raises(IntegrityError, match="magic cookie"):
        check_integrity(Snapshot(Manifest(magic="x", version="v3.0.0")))


def test_a_resource_waiting_for_its_replacement_may_outlive_its_provider() -> None:
    check_integrity(snapshot_of(thing(A, provider=f"{PROVIDER}::gone", pending_replacement=True)))

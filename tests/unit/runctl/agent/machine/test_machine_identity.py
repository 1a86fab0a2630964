"""What a machine knows of itself."""

from __future__ import annotations

import json

import pytest

from runctl_auto.agent.machine.machine_identity import MachineIdentity, read_identity

DOCUMENT = {
    "instanceId": "i-1",
    "instanceType": "m5.large",
    "availabilityZone": "us-east-1a",
    "pendingTime": "2026-01-01T00:00:00Z",
    "billingProducts": None,
}


class Metadata:
    def __init__(self, document: str | None, **leaves: str) -> None:
        self.document = document
        self.leaves = leaves

    def get(self, path: str) -> str | None:
        if path == "dynamic/instance-identity/document":
            return self.document
        return self.leaves.get(path.removeprefix("meta-data/instance-").replace("-", "_"))


def test_it_is_what_the_cloud_says() -> None:
    assert read_identity(Metadata(json.dumps(DOCUMENT), life_cycle="spot")) == MachineIdentity(
        "i-1", "m5.large", "us-east-1a", "spot", "2026-01-01T00:00:00Z"
    )


@pytest.mark.parametrize("document", [None, "<html>", "[]", "{}"])
def test_without_an_identity_document_it_knows_its_id(document: str | None) -> None:
    assert read_identity(Metadata(document, id="i-1")) == MachineIdentity("i-1")
    assert read_identity(Metadata(document)) == MachineIdentity("unknown")

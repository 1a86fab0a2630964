"""Volumes and snapshots with stacks of their own: what the program declares of them."""

from __future__ import annotations

from typing import Any

import pytest
from support.declared import Declarations, declarations_of
from support.storage_stacks import snapshot_config, volume_config

from runctl_auto.program import declare_storage

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

VOLUME, SNAPSHOT = "aws:ebs/volume:Volume", "aws:ebs/snapshot:Snapshot"
COPY = "aws:ebs/snapshotCopy:SnapshotCopy"


def declared(config: Any) -> Declarations:
    return declarations_of(
        lambda: declare_storage(config, project="runctl", backend="file:///state"), stack=config.stack
    )


def test_a_volume_is_encrypted_and_named_after_its_stack() -> None:
    made = declared(volume_config(iops=4000, throughput=250, tags={"team": "nlp"}))
    (volume,) = made.of_type(VOLUME)
    assert volume.inputs["encrypted"] is True
    assert (volume.inputs["type"], volume.inputs["iops"], volume.inputs["throughput"]) == ("gp3", 4000, 250)
    assert volume.inputs["tags"]["team"] == "nlp"
    assert volume.inputs["tags"]["Name"].startswith("runctl-volume.data-disk-")
    assert not volume.protect
    (provider,) = made.of_type("pulumi:providers:aws")
    assert '"runctl:job": "volume.data"' in str(provider.inputs["defaultTags"]).replace("'", '"')
    assert made.outputs["region"] == "us-east-1"
    assert made.outputs["zone"] == "us-east-1a"


def test_protection_is_option_and_tag_together() -> None:
    for config, token in ((volume_config(protect=True), VOLUME), (snapshot_config(protect=True), SNAPSHOT)):
        (resource,) = declared(config).of_type(token)
        assert resource.protect
        assert resource.inputs["tags"]["runctl:protected"] == "true"


def test_a_volume_of_a_snapshot_stays_when_the_snapshot_changes() -> None:
    (volume,) = declared(volume_config(snapshot="snap-1", initialization_rate=200)).of_type(VOLUME)
    assert (volume.inputs["snapshotId"], volume.inputs["volumeInitializationRate"]) == ("snap-1", 200)
    assert set(volume.options["ignoreChanges"]) == {"snapshotId", "volumeInitializationRate"}


def test_a_snapshot_has_a_day_to_complete_and_stays_when_its_volume_goes() -> None:
    (snapshot,) = declared(snapshot_config()).of_type(SNAPSHOT)
    assert snapshot.inputs["volumeId"] == "vol-1"
    assert snapshot.options["customTimeouts"]["create"] == "24h"
    assert snapshot.options["ignoreChanges"] == ["volumeId"]


def test_a_copy_is_encrypted_whatever_its_source_is() -> None:
    config = snapshot_config(
        name="there", region="eu-west-1", volume=None, source="snap-1", source_region="us-east-1"
    )
    (copy,) = declared(config).of_type(COPY)
    assert copy.inputs["encrypted"] is True
    assert (copy.inputs["sourceSnapshotId"], copy.inputs["sourceRegion"]) == ("snap-1", "us-east-1")

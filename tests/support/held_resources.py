"""States of jobs with volumes and a bucket, as their components create them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from runctl_auto.stack.state import StackState, parse_state

_ENVIRONMENT = "runctl:aws:TrainingEnvironment"


def held_state(
    job: str, *, volumes: Mapping[str, bool], bucket: bool | None, replaced: Iterable[str] = ()
) -> StackState:
    """``job`` with these volumes and, unless None, a bucket. Values: whether each is protected."""
    resources: list[dict[str, Any]] = []
    for name in replaced:
        resources.append({**_volume(job, name, protect=False)[1], "id": f"vol-old-{name}", "delete": True})
    for name, protect in volumes.items():
        resources += _volume(job, name, protect=protect)
    if bucket is not None:
        resources += _bucket(job, protect=bucket)
    return parse_state({"resources": resources})


def _volume(job: str, name: str, *, protect: bool) -> list[dict[str, Any]]:
    component = _component("runctl:aws:DataVolume", f"{job}-{name}", protect)
    volume = _resource("aws:ebs/volume:Volume", f"{job}-{name}-volume", f"vol-{name}", component, protect)
    volume["inputs"] = {"size": 100, "availabilityZone": "us-east-1b"}
    volume["outputs"] = {"size": 100, "availabilityZone": "us-east-1b"}
    return [component, volume]


def _bucket(job: str, *, protect: bool) -> list[dict[str, Any]]:
    component = _component("runctl:aws:ArtifactBucket", f"{job}-artifacts", protect)
    name = f"runctl-{job}-artifacts-1"
    return [
        component,
        _resource("aws:s3/bucket:Bucket", f"{job}-artifacts-bucket", name, component, protect),
        _resource("aws:s3/bucketPolicy:BucketPolicy", f"{job}-artifacts-policy", name, component, protect),
        _resource("aws:s3/bucketObjectv2:BucketObjectv2", f"{job}-code", f"{name}/code", None, False),
    ]


def _component(token: str, name: str, protect: bool) -> dict[str, Any]:
    urn = f"urn:pulumi:{name}::runctl::{_ENVIRONMENT}${token}::{name}"
    return {"urn": urn, "type": token, "custom": False, "protect": protect}


def _resource(
    token: str, name: str, identity: str, parent: dict[str, Any] | None, protect: bool
) -> dict[str, Any]:
    urn = f"urn:pulumi:digits::runctl::{_ENVIRONMENT}${token}::{name}"
    found = {"urn": urn, "type": token, "id": identity, "custom": True, "protect": protect}
    return {**found, "parent": parent["urn"]} if parent else found

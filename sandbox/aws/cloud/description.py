"""Instances and volumes as the control interface returns them, read from moto's backends."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Any

from sandbox.aws.cloud.lifecycle import Life


def describe(lives: Iterable[Life]) -> dict[str, Any]:
    """`instances`, `volumes` and `snapshots` (snapshot id to source volume) of all accounts and regions;
    the caller holds the cloud's lock."""
    return {
        "instances": [_instance(life) for life in lives],
        "volumes": sorted(_volume_ids()),
        "snapshots": dict(_snapshots()),
    }


def _instance(life: Life) -> dict[str, Any]:
    instance: Any = life.machine.instance  # type: ignore[attr-defined]
    return {
        "id": instance.id,
        "region": instance.region_name,
        "zone": instance.availability_zone,
        "type": instance.instance_type,
        "image": instance.image_id,
        "state": life.state,
        "market": "spot" if life.machine.is_spot else "on-demand",
        "shutdown_behavior": instance.instance_initiated_shutdown_behavior,
        "private_ip": instance.private_ip,
        "account": instance.owner_id,
        "role": _role_arn(instance),
        "tags": {tag["key"]: tag["value"] for tag in instance.get_tags()},
        "boot": life.boot,
        "volumes": list(_volumes(instance)),
        "interruption": _interruption(life),
        "rebalance": None if life.rebalance is None else _moment(life.rebalance),
        "power": life.power,
        "launched_at": _moment(life.launched),
        "ended_at": None if life.ended is None else _moment(life.ended),
    }


def _role_arn(instance: Any) -> str | None:
    from moto.iam.models import iam_backends

    profile = instance.iam_instance_profile
    if not profile:
        return None
    iam = iam_backends[instance.owner_id][instance.ec2_backend.partition]
    for known in iam.instance_profiles.values():
        if known.arn == profile["Arn"] and known.roles:
            return str(known.roles[0].arn)
    return None


def _volumes(instance: Any) -> Iterator[dict[str, Any]]:
    for device, attached in instance.get_block_device_mapping:
        yield {
            "id": attached.volume_id,
            "device": device,
            "root": device == instance.root_device_name,
            "size_gb": attached.size,
            "snapshot": _snapshot_of(instance, attached.volume_id),
        }


def _snapshot_of(instance: Any, volume: str) -> str | None:
    known = instance.ec2_backend.volumes.get(volume)
    return known.snapshot_id or None if known is not None else None


def _interruption(life: Life) -> dict[str, str] | None:
    if life.interruption is None:
        return None
    return {"action": life.interruption.action, "time": _moment(life.interruption.time)}


def _moment(seconds: float) -> str:
    """A time in whole seconds, as EC2 tells it."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _volume_ids() -> Iterator[str]:
    from moto.ec2.models import ec2_backends

    for _, _, backend in ec2_backends.iter_backends():
        yield from backend.volumes


def _snapshots() -> Iterator[tuple[str, str]]:
    """Snapshots created from volumes; those of images exist from the start."""
    from moto.ec2.models import ec2_backends

    for _, _, backend in ec2_backends.iter_backends():
        for snapshot in backend.snapshots.values():
            if not snapshot.from_ami:
                yield snapshot.id, snapshot.volume.id

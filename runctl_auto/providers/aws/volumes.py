"""The volumes that tie a job to a zone: existing ones, and the sources of new ones.

Reads only, before anything is created.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from components.naming import TAG_LIMIT, Names
from runctl_auto.errors import JobFileError, NotFoundError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.job_file.storage import Volume
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.contract import OwnVolumes, VolumeUse

_GONE = ("deleting", "deleted")
_MOST_NAMED = 6


def zone_of_volumes(spec: JobSpec, cloud: Cloud, names: Names, held: OwnVolumes) -> str | None:
    """The zone to which the job's volumes tie its machine; None if they do not restrict it.

    Raises ``JobFileError`` when a volume or snapshot does not exist, is in use by another machine, when
    volumes are in different zones, or when a new volume has the name of an existing one.
    """
    existing = [volume for volume in spec.volumes if volume.id is not None]
    found = _existing(spec, cloud, existing)
    for volume in existing:
        _refuse_unusable(spec, volume, found[str(volume.id)], held)
    zone = _one_zone(spec, {v.name: str(found[str(v.id)]["AvailabilityZone"]) for v in existing}, held.zone)
    new = [volume for volume in spec.volumes if volume.id is None and volume.name not in held.volumes]
    _refuse_taken_names(spec, cloud, names, new, held.volumes.values())
    for volume in new:
        if volume.snapshot is not None:
            _refuse_unfit_snapshot(spec, cloud, volume)
    return zone


def volume_uses(cloud: Cloud, identities: Sequence[str]) -> dict[str, VolumeUse]:
    """The existing ones of the volumes, by id, and their attachments. Raises CloudError."""
    if not identities:
        return {}
    # By filter: an id that is gone is then omitted from the response instead of an error.
    wanted = [{"Name": "volume-id", "Values": list(identities)}]
    listed = cloud.pages("ec2", "describe_volumes", "Volumes", Filters=wanted)
    return {each["VolumeId"]: _use(each) for each in listed}


def _use(volume: Mapping[str, Any]) -> VolumeUse:
    identity = str(volume["VolumeId"])
    return VolumeUse(
        identity,
        tuple(str(each.get("InstanceId", "")) for each in volume.get("Attachments") or ()),
        detach=f"aws ec2 detach-volume --volume-id {identity}",
    )


def _existing(spec: JobSpec, cloud: Cloud, volumes: Sequence[Volume]) -> dict[str, Mapping[str, Any]]:
    if not volumes:
        return {}
    ids = sorted({str(volume.id) for volume in volumes})
    wanted = [{"Name": "volume-id", "Values": ids}]
    listed = cloud.pages("ec2", "describe_volumes", "Volumes", Filters=wanted)
    found = {each["VolumeId"]: each for each in listed if each["State"] not in _GONE}
    missing = [volume for volume in volumes if volume.id not in found]
    if missing:
        raise JobFileError(
            f"There is no volume {missing[0].id} in {spec.region}.",
            where=_where(spec, missing[0], "id"),
            next_step=f"Name a volume of this region, or give a size, for a new one. {_available(cloud)}",
        )
    return found


def _available(cloud: Cloud) -> str:
    free = [{"Name": "status", "Values": ["available"]}]
    listed = list(cloud.pages("ec2", "describe_volumes", "Volumes", Filters=free))
    named = ", ".join(_words(each) for each in listed[:_MOST_NAMED])
    more = len(listed) - _MOST_NAMED
    return f"Volumes there that are free: {named or 'none'}{f' and {more} more' if more > 0 else ''}."


def _words(volume: Mapping[str, Any]) -> str:
    name = next((tag["Value"] for tag in volume.get("Tags") or () if tag["Key"] == "Name"), None)
    size = f"{volume.get('Size', '?')} GB, {volume['AvailabilityZone']}"
    return f"{volume['VolumeId']} ({f'{name}, ' if name else ''}{size})"


def _refuse_unusable(spec: JobSpec, volume: Volume, found: Mapping[str, Any], held: OwnVolumes) -> None:
    owned = [name for name, identity in held.volumes.items() if identity == volume.id]
    if owned:
        raise JobFileError(
            f"Volume {volume.id} is the job's own volume '{owned[0]}'; it cannot be used by its id as well.",
            where=_where(spec, volume, "id"),
            next_step=f"Keep it in the job file as it was: name {owned[0]} with its size.",
        )
    holders = [
        each["InstanceId"]
        for each in found.get("Attachments") or ()
        if each.get("State") not in ("detached", "detaching") and each.get("InstanceId") != held.machine
    ]
    if holders and not found.get("MultiAttachEnabled"):
        raise JobFileError(
            f"Volume {volume.id} is in use by the machine {holders[0]}.",
            where=_where(spec, volume, "id"),
            next_step="Detach it there or wait for that machine's end, or name another volume.",
        )
    if found["State"] not in ("available", "in-use"):
        raise JobFileError(
            f"Volume {volume.id} cannot be used: it is {found['State']}.",
            where=_where(spec, volume, "id"),
            next_step="Wait until it is available, or name another volume.",
        )


def _one_zone(spec: JobSpec, zones: Mapping[str, str], own: str | None) -> str | None:
    """The common zone of all; ``own`` is that of the volumes that the job created."""
    lies = {**({"the job's own volumes": own} if own else {}), **zones}
    different = sorted(set(lies.values()))
    if len(different) > 1:
        listed = ", ".join(f"{name} in {zone}" for name, zone in lies.items())
        raise JobFileError(
            f"The volumes of the job lie in different zones: {listed}.",
            where={"job": spec.name, "field": "volumes"},
            next_step="A machine reaches volumes of its own zone only: copy them into one zone by way of "
            "snapshots (volumes: snapshot: snap-...).",
        )
    if different and spec.zones and different[0] not in spec.zones:
        raise JobFileError(
            f"The volumes of the job lie in {different[0]}, and the job allows {', '.join(spec.zones)} only.",
            where={"job": spec.name, "field": "zones"},
            next_step=f"Add {different[0]} to zones, or remove zones.",
        )
    return different[0] if different else None


def _refuse_taken_names(
    spec: JobSpec, cloud: Cloud, names: Names, volumes: Sequence[Volume], own: Collection[str]
) -> None:
    if not volumes:
        return
    labels = {names.name(f"volume-{volume.name}", limit=TAG_LIMIT): volume for volume in volumes}
    wanted = [{"Name": "tag:Name", "Values": sorted(labels)}]
    for each in cloud.pages("ec2", "describe_volumes", "Volumes", Filters=wanted):
        if each["State"] in _GONE or each["VolumeId"] in own:
            continue
        label = next(tag["Value"] for tag in each["Tags"] if tag["Key"] == "Name")
        volume = labels[label]
        raise JobFileError(
            f"A volume of the name {label} exists already, and this job's stack knows nothing of it: "
            f"{_words(each)}.",
            where=_where(spec, volume, "name"),
            next_step=f"Use it (id: {each['VolumeId']} in place of size), delete it "
            f"(aws ec2 delete-volume --volume-id {each['VolumeId']}), or give the new volume another name.",
        )


def _refuse_unfit_snapshot(spec: JobSpec, cloud: Cloud, volume: Volume) -> None:
    where = _where(spec, volume, "snapshot")
    try:
        answer = cloud.call("ec2", "describe_snapshots", SnapshotIds=[volume.snapshot])
    except NotFoundError as error:
        raise _no_snapshot(spec, cloud, volume) from error
    found = answer.get("Snapshots") or []
    if not found:
        raise _no_snapshot(spec, cloud, volume)
    if found[0].get("State") not in (None, "completed"):
        raise JobFileError(
            f"The snapshot {volume.snapshot} is not complete: it is {found[0]['State']}.",
            where=where,
            next_step="Wait until it is completed.",
        )
    needed = int(found[0].get("VolumeSize") or 0)
    if volume.size is not None and volume.size < needed:
        raise JobFileError(
            f"The snapshot {volume.snapshot} needs {needed} GB, and volume '{volume.name}' has "
            f"{volume.size} GB.",
            where=where,
            next_step=f"Give the volume a size of {needed}GB or more.",
        )


def _no_snapshot(spec: JobSpec, cloud: Cloud, volume: Volume) -> JobFileError:
    own = list(cloud.pages("ec2", "describe_snapshots", "Snapshots", OwnerIds=["self"]))
    newest = sorted(own, key=lambda each: str(each.get("StartTime")), reverse=True)[:_MOST_NAMED]
    named = ", ".join(f"{each['SnapshotId']} ({each.get('VolumeSize', '?')} GB)" for each in newest)
    return JobFileError(
        f"There is no snapshot {volume.snapshot} in {spec.region}, or it is not shared with this account.",
        where=_where(spec, volume, "snapshot"),
        next_step=f"Name another, or remove it, for an empty volume. Snapshots there: {named or 'none'}.",
    )


def _where(spec: JobSpec, volume: Volume, field: str) -> dict[str, str]:
    return {"job": spec.name, "field": f"volumes[{spec.volumes.index(volume)}].{field}"}

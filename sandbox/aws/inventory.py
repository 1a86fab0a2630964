"""The current contents of the emulated cloud, read from the emulator's own stores.

No AWS call is made and no filter applied: a resource hidden from the service's list calls (a deleted tag, an
eventually consistent read) is still listed. Tests verify teardown with it; it does not assign owners.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Row = dict[str, Any]

GONE = {"terminated", "cancelled", "closed", "failed"}


def inventory() -> dict[str, list[Row]]:
    """Every live resource by kind; a row has `id`, `name`, `tags` and `parent` (an id, or empty)."""
    from moto.backends import get_backend

    found: dict[str, list[Row]] = {}
    for kind, row in (*_ec2(get_backend("ec2")), *_s3(get_backend("s3")), *_iam(get_backend("iam"))):
        found.setdefault(kind, []).append(row)
    for row in _parameters(get_backend("ssm")):
        found.setdefault("parameter", []).append(row)
    for row in _scaling_groups(get_backend("autoscaling")):
        found.setdefault("scaling-group", []).append(row)
    for row in _log_groups(get_backend("logs")):
        found.setdefault("log-group", []).append(row)
    for kind, row in _schedules(get_backend("scheduler")):
        found.setdefault(kind, []).append(row)
    return found


def _row(identity: str, *, name: str = "", tags: dict[str, str] | None = None, parent: str = "") -> Row:
    return {"id": identity, "name": name, "tags": tags or {}, "parent": parent}


def _regional(backends: Any) -> Iterator[Any]:
    for account in list(backends.values()):
        yield from list(account.values())


def _ec2(backends: Any) -> Iterator[tuple[str, Row]]:
    for backend in _regional(backends):
        for kind, identity, name, parent in (*_machines(backend), *_disks(backend), *_network(backend)):
            tags = dict(backend.tags.get(identity, {}))
            yield kind, _row(identity, name=name, parent=parent, tags=tags)


Found = tuple[str, str, str, str]  # kind, id, name, parent


def _machines(backend: Any) -> Iterator[Found]:
    for reservation in list(backend.reservations.values()):
        for instance in reservation.instances:
            if instance.state not in GONE:
                launcher = backend.tags.get(instance.id, {}).get("aws:autoscaling:groupName", "")
                yield "instance", instance.id, "", launcher
    for request in list(backend.spot_instance_requests.values()):
        if request.state not in GONE:
            yield "spot-request", request.id, "", _id_of(request, "instance")
    for template in list(backend.launch_templates.values()):
        yield "launch-template", template.id, template.name, ""
    for group in list(getattr(backend, "placement_groups", {}).values()):
        yield "placement-group", group.id, group.name, ""
    for pair in list(backend.key_pairs.values()):
        yield "key-pair", pair.id, pair.key_name, ""


def _disks(backend: Any) -> Iterator[Found]:
    for volume in list(backend.volumes.values()):
        yield "volume", volume.id, "", _id_of(volume.attachment, "instance")
    for snapshot in list(backend.snapshots.values()):
        # moto creates a snapshot for each public image; those have no tags
        if backend.tags.get(snapshot.id):
            yield "snapshot", snapshot.id, "", _id_of(snapshot, "volume")


def _network(backend: Any) -> Iterator[Found]:
    for eni in list(backend.enis.values()):
        yield "network-interface", eni.id, eni.description or "", _id_of(eni, "instance")
    for groups in list(backend.groups.values()):
        for group in list(groups.values()):
            if group.name != "default":
                yield "security-group", group.id, group.name, ""


def _id_of(holder: Any, attribute: str) -> str:
    return str(getattr(getattr(holder, attribute, None), "id", ""))


def _s3(backends: Any) -> Iterator[tuple[str, Row]]:
    for backend in _regional(backends):
        for bucket in list(backend.buckets.values()):
            tags = backend.tagger.get_tag_dict_for_resource(bucket.arn)
            yield "bucket", _row(bucket.name, name=bucket.name, tags=tags)
            for identity, upload in list(bucket.multiparts.items()):
                yield "multipart-upload", _row(identity, name=upload.key_name, parent=bucket.name)


def _iam(backends: Any) -> Iterator[tuple[str, Row]]:
    for backend in _regional(backends):
        for role in list(backend.roles.values()):
            yield "role", _row(role.id, name=role.name, tags=_listed(role.tags))
        for profile in list(backend.instance_profiles.values()):
            yield "instance-profile", _row(profile.id, name=profile.name, tags=_listed(profile.tags))


def _parameters(backends: Any) -> Iterator[Row]:
    for backend in _regional(backends):
        for name in list(backend._parameters):
            # AWS's public parameters are loaded on first use; runctl's are under /runctl
            if name.startswith("/runctl"):
                yield _row(name, name=name)


def _log_groups(backends: Any) -> Iterator[Row]:
    for backend in _regional(backends):
        for group in list(backend.groups.values()):
            yield _row(group.name, name=group.name, tags=dict(backend.list_tags_log_group(group.name)))


def _scaling_groups(backends: Any) -> Iterator[Row]:
    for backend in _regional(backends):
        for group in list(backend.autoscaling_groups.values()):
            yield _row(group.name, name=group.name, tags=_listed(group.tags))


def _schedules(backends: Any) -> Iterator[tuple[str, Row]]:
    for backend in _regional(backends):
        for group in list(backend.schedule_groups.values()):
            if group.name != "default":
                tags = backend.tagger.get_tag_dict_for_resource(group.arn)
                yield "schedule-group", _row(group.name, name=group.name, tags=tags)
            for schedule in list(group.schedules.values()):
                identity = f"{group.name}/{schedule.name}"
                yield "schedule", _row(identity, name=schedule.name, parent=group.name)


def _listed(tags: Any) -> dict[str, str]:
    """IAM stores role tags as `{key: {"Key": …, "Value": …}}`, all others as a list of such entries."""
    entries = tags.values() if isinstance(tags, dict) else tags or []
    return {entry["Key"]: entry["Value"] for entry in entries}

"""Volumes that exist: which zone they ask for, and what is refused before anything is made."""

from __future__ import annotations

import fnmatch
from typing import Any

import pytest
from botocore.exceptions import ClientError

from components.naming import TAG_LIMIT, Names
from runctl_auto.errors import JobFileError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.volumes import zone_of_volumes
from runctl_auto.providers.contract import OwnVolumes

NAMES = Names(account="123456789012", region="us-east-1", project="runctl", job="digits")
A, B = "vol-0000000a", "vol-0000000b"
SNAPSHOT = "snap-00000001"


def volume(identity: str, zone: str, state: str = "available", *holders: str, **more: Any) -> dict[str, Any]:
    held = [{"InstanceId": each, "State": "attached"} for each in holders]
    return {
        "VolumeId": identity,
        "AvailabilityZone": f"us-east-1{zone}",
        "State": state,
        "Size": 5,
        "Attachments": held,
        "Tags": [],
        **more,
    }


class Ec2:
    def __init__(self) -> None:
        self.volumes = [volume(A, "a"), volume(B, "b", Tags=[{"Key": "Name", "Value": "archive"}])]
        self.snapshots = {SNAPSHOT: {"SnapshotId": SNAPSHOT, "VolumeSize": 20, "State": "completed"}}
        self.calls: list[str] = []

    def describe_volumes(self, Filters: Any) -> Any:
        self.calls.append("describe_volumes")

        def value(each: Any, name: str) -> str:
            tags = {tag["Key"]: tag["Value"] for tag in each["Tags"]}
            return str(
                {"volume-id": each["VolumeId"], "status": each["State"], "tag:Name": tags.get("Name")}[name]
            )

        return {
            "Volumes": [
                each
                for each in self.volumes
                if all(
                    any(fnmatch.fnmatch(value(each, one["Name"]), wanted) for wanted in one["Values"])
                    for one in Filters
                )
            ]
        }

    def describe_snapshots(self, SnapshotIds: Any = (), OwnerIds: Any = ()) -> Any:
        self.calls.append("describe_snapshots")
        if OwnerIds:
            return {"Snapshots": list(self.snapshots.values())}
        if SnapshotIds[0] not in self.snapshots:
            raise ClientError({"Error": {"Code": "InvalidSnapshot.NotFound", "Message": ""}}, "Describe")
        return {"Snapshots": [self.snapshots[SnapshotIds[0]]]}


@pytest.fixture
def ec2() -> Ec2:
    return Ec2()


def job(*volumes: Any, **more: Any) -> JobSpec:
    given = [{"name": f"v{index}", "mount": f"/v{index}", **each} for index, each in enumerate(volumes)]
    return JobSpec.model_validate(
        {"name": "digits", "region": "us-east-1", "run": "true", "volumes": given, **more}
    )


def zone(ec2: Ec2, spec: JobSpec, held: OwnVolumes = OwnVolumes({})) -> str | None:  # noqa: B008
    cloud = Cloud(lambda service, region: ec2, "us-east-1", sleep=lambda seconds: None)
    return zone_of_volumes(spec, cloud, NAMES, held)


def refused(ec2: Ec2, spec: JobSpec, held: OwnVolumes = OwnVolumes({})) -> JobFileError:  # noqa: B008
    with pytest.raises(JobFileError) as raised:
        zone(ec2, spec, held)
    assert raised.value.exit_code == 7
    return raised.value


def test_a_volume_that_exists_decides_the_zone(ec2: Ec2) -> None:
    assert zone(ec2, job({"id": A})) == "us-east-1a"
    assert zone(ec2, job({"id": B}, {"size": "1GB"})) == "us-east-1b"


def test_new_volumes_leave_it_free_until_they_are_made(ec2: Ec2) -> None:
    assert zone(ec2, job({"size": "1GB"})) is None
    assert zone(ec2, job({"size": "1GB"}), OwnVolumes({"v0": "vol-1"}, None, "us-east-1c")) == "us-east-1c"
    assert zone(ec2, job()) is None


def test_different_zones_are_named(ec2: Ec2) -> None:
    error = refused(ec2, job({"id": A}, {"id": B}))
    assert "v0 in us-east-1a, v1 in us-east-1b" in error.what
    error = refused(ec2, job({"id": A}, {"size": "1GB"}), OwnVolumes({"v1": "vol-1"}, None, "us-east-1c"))
    assert "the job's own volumes in us-east-1c, v0 in us-east-1a" in error.what


def test_a_zone_that_the_job_does_not_allow_is_named(ec2: Ec2) -> None:
    error = refused(ec2, job({"id": A}, zones=["us-east-1b"]))
    assert "lie in us-east-1a, and the job allows us-east-1b only" in error.what
    assert zone(ec2, job({"id": A}, zones=["us-east-1b", "us-east-1a"])) == "us-east-1a"


def test_what_does_not_exist_is_answered_with_what_is_free(ec2: Ec2) -> None:
    ec2.volumes.append(volume("vol-0000000d", "a", "in-use", "i-1"))
    error = refused(ec2, job({"id": "vol-0000000c"}))
    assert "no volume vol-0000000c" in error.what
    assert f"{A} (5 GB, us-east-1a), {B} (archive, 5 GB, us-east-1b)." in str(error.next_step)
    assert error.where["field"] == "volumes[0].id"


def test_a_volume_that_is_being_deleted_does_not_exist(ec2: Ec2) -> None:
    ec2.volumes = [volume(A, "a", "deleting")]
    assert "no volume" in refused(ec2, job({"id": A})).what


def test_what_another_machine_uses_is_refused_and_the_jobs_own_machine_may(ec2: Ec2) -> None:
    ec2.volumes = [volume(A, "a", "in-use", "i-1")]
    assert "in use by the machine i-1" in refused(ec2, job({"id": A})).what
    assert zone(ec2, job({"id": A}), OwnVolumes({}, "i-1")) == "us-east-1a"
    ec2.volumes = [volume(A, "a", "in-use", "i-1", MultiAttachEnabled=True)]
    assert zone(ec2, job({"id": A})) == "us-east-1a"
    ec2.volumes = [volume(A, "a", "error")]
    assert "it is error" in refused(ec2, job({"id": A})).what


def test_the_jobs_own_volume_is_not_used_twice(ec2: Ec2) -> None:
    error = refused(ec2, job({"id": A}), OwnVolumes({"data": A}))
    assert "is the job's own volume 'data'" in error.what


def test_a_name_that_is_taken_is_told_with_the_ways_out(ec2: Ec2) -> None:
    label = NAMES.name("volume-v0", limit=TAG_LIMIT)
    ec2.volumes = [volume(A, "a", Tags=[{"Key": "Name", "Value": label}])]
    error = refused(ec2, job({"size": "1GB"}))
    assert f"A volume of the name {label} exists already" in error.what
    assert f"id: {A} in place of size" in str(error.next_step)
    assert f"delete-volume --volume-id {A}" in str(error.next_step)
    assert error.where["field"] == "volumes[0].name"
    assert zone(ec2, job({"size": "1GB"}), OwnVolumes({"v0": A}, None, None)) is None, "the job's own"
    ec2.volumes[0]["State"] = "deleting"
    assert zone(ec2, job({"size": "1GB"})) is None


def test_a_snapshot_must_exist_be_complete_and_fit(ec2: Ec2) -> None:
    wanted = {"size": "20GB", "snapshot": SNAPSHOT}
    assert zone(ec2, job(wanted)) is None
    error = refused(ec2, job({**wanted, "size": "10GB"}))
    assert "needs 20 GB, and volume 'v0' has 10 GB" in error.what
    ec2.snapshots[SNAPSHOT]["State"] = "pending"
    assert "not complete" in refused(ec2, job(wanted)).what
    error = refused(ec2, job({**wanted, "snapshot": "snap-00000002"}))
    assert f"Snapshots there: {SNAPSHOT} (20 GB)." in str(error.next_step)


def test_the_snapshot_of_a_volume_that_was_made_is_not_asked_for_again(ec2: Ec2) -> None:
    ec2.snapshots.clear()
    held = OwnVolumes({"v0": "vol-1"}, None, "us-east-1a")
    assert zone(ec2, job({"size": "20GB", "snapshot": SNAPSHOT}), held) == "us-east-1a"


def test_calls_are_few(ec2: Ec2) -> None:
    zone(ec2, job())
    assert ec2.calls == []
    zone(ec2, job({"id": A}, {"size": "1GB"}, {"size": "2GB"}))
    assert ec2.calls == ["describe_volumes", "describe_volumes"]

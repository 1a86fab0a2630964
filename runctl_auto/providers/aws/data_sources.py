"""Checks that the machine can read a job's data before anything is rented for it."""

from __future__ import annotations

from collections.abc import Iterator

from components.data_access import DataLocation
from runctl_auto.errors import AccessDeniedError, CloudError, JobFileError, NotFoundError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.stack.config import Placement

_KEY_ARN_PARTS = 6


def look_at_data(spec: JobSpec, cloud: Cloud, placement: Placement) -> tuple[str, ...]:
    """Notes on sources that could not be checked with these credentials, where the machine may still have
    access, and on buckets in another region.

    Raises ``JobFileError`` for a bucket that does not exist, a source without objects, one whose first object
    is encrypted with a key that the machine's role may not use, and a bucket in another region that the
    machine does not reach. At most four calls a source.
    """
    notes: list[str] = []
    for index, each in enumerate(spec.data):
        where = {"job": spec.name, "field": f"data[{index}].source"}
        try:
            notes += _look(each.source, cloud, placement, where)
        except AccessDeniedError:
            notes.append(f"data {each.source}: not looked at, these credentials may not list it")
        except CloudError as error:
            notes.append(f"data {each.source}: not looked at, {error.what}")
    return tuple(notes)


def _look(source: str, cloud: Cloud, placement: Placement, where: dict[str, str]) -> Iterator[str]:
    at = DataLocation.of(source)
    try:
        first = _first_object(cloud, at)
    except NotFoundError as error:
        raise JobFileError(
            f"There is no bucket {at.bucket}.", where=where, next_step="Correct the source's bucket."
        ) from error
    if first is None:
        raise JobFileError(
            f"The data source {source} holds nothing.",
            where=where,
            next_step=f"Correct its prefix; `aws s3 ls s3://{at.bucket}/` tells what is there.",
        )
    yield from _region_notes(source, cloud, at, placement, where)
    try:
        key = cloud.call("s3", "head_object", Bucket=at.bucket, Key=first).get("SSEKMSKeyId")
    except AccessDeniedError:
        yield f"data {source}: its encryption was not looked at, these credentials may not read it"
    except NotFoundError:
        pass  # deleted since it was listed
    else:
        _refuse_foreign_key(source, str(key or ""), placement, where)


def _first_object(cloud: Cloud, at: DataLocation) -> str | None:
    """The key of the first object of the source."""
    below = f"{at.prefix}/" if at.prefix else ""
    found = cloud.call("s3", "list_objects_v2", Bucket=at.bucket, Prefix=below, MaxKeys=1)
    if found.get("Contents"):
        return str(found["Contents"][0]["Key"])
    if not at.prefix:
        return None
    named = cloud.call("s3", "list_objects_v2", Bucket=at.bucket, Prefix=at.prefix, MaxKeys=1)
    return next((at.prefix for each in named.get("Contents") or () if each["Key"] == at.prefix), None)


def _region_notes(
    source: str, cloud: Cloud, at: DataLocation, placement: Placement, where: dict[str, str]
) -> Iterator[str]:
    region = cloud.call("s3", "head_bucket", Bucket=at.bucket).get("BucketRegion") or placement.region
    if region == placement.region:
        return
    if not placement.internet:
        raise JobFileError(
            f"The machine does not reach the data source {source}: its bucket is in {region}, and the subnet "
            f"{placement.subnet} has a way to the endpoints of {placement.region} only.",
            where=where,
            next_step=f"Copy the data into a bucket in {placement.region}, or name a subnet with a route to "
            "a NAT gateway or an internet gateway.",
        )
    yield f"data {source}: its bucket is in {region}; AWS bills the transfer to {placement.region}"


def _refuse_foreign_key(source: str, key: str, placement: Placement, where: dict[str, str]) -> None:
    """Refuses a key (an ARN) that the machine's role may not use; without an ARN none is known."""
    parts = key.split(":")
    if len(parts) != _KEY_ARN_PARTS:
        return
    region, account = parts[3], parts[4]
    if (region, account) == (placement.region, placement.account):
        return
    raise JobFileError(
        f"The machine cannot decrypt the data source {source}: its key {key} belongs to account {account} in "
        f"{region}, and the machine's role may use keys of account {placement.account} in {placement.region} "
        "only.",
        where=where,
        next_step="Copy the data into a bucket that is encrypted by S3 itself (SSE-S3), or with a key of the "
        f"account {placement.account} in {placement.region}.",
    )

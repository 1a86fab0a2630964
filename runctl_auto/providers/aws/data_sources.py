"""Checks that a job's data exists before anything is rented for it."""

from __future__ import annotations

from components.data_access import DataLocation
from runctl_auto.errors import AccessDeniedError, CloudError, JobFileError, NotFoundError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.providers.aws.access import Cloud


def look_at_data(spec: JobSpec, cloud: Cloud) -> tuple[str, ...]:
    """Notes on sources that could not be checked with these credentials; the machine may still have access.

    Raises ``JobFileError`` for a bucket that does not exist and a source without objects. At most two calls a
    source.
    """
    notes = []
    for index, each in enumerate(spec.data):
        at = DataLocation.of(each.source)
        where = {"job": spec.name, "field": f"data[{index}].source"}
        try:
            holds_something = _holds_something(cloud, at)
        except NotFoundError as error:
            raise JobFileError(
                f"There is no bucket {at.bucket}.", where=where, next_step="Correct the source's bucket."
            ) from error
        except AccessDeniedError:
            notes.append(f"data {each.source}: not looked at, these credentials may not list it")
            continue
        except CloudError as error:
            notes.append(f"data {each.source}: not looked at, {error.what}")
            continue
        if not holds_something:
            raise JobFileError(
                f"The data source {each.source} holds nothing.",
                where=where,
                next_step=f"Correct its prefix; `aws s3 ls s3://{at.bucket}/` tells what is there.",
            )
    return tuple(notes)


def _holds_something(cloud: Cloud, at: DataLocation) -> bool:
    below = f"{at.prefix}/" if at.prefix else ""
    found = cloud.call("s3", "list_objects_v2", Bucket=at.bucket, Prefix=below, MaxKeys=1)
    if found.get("Contents"):
        return True
    if not at.prefix:
        return False
    named = cloud.call("s3", "list_objects_v2", Bucket=at.bucket, Prefix=at.prefix, MaxKeys=1)
    return any(each["Key"] == at.prefix for each in named.get("Contents") or ())

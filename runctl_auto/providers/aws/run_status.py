"""Reads the durable status of a run from the job's bucket."""

from __future__ import annotations

from runctl_auto.agent.contract import MOST_STATUS_BYTES
from runctl_auto.agent.keys import status_key
from runctl_auto.errors import NotFoundError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.object_body import read_body
from runctl_auto.run.status import RunStatus, parse_run_status


def read_run_status(cloud: Cloud, *, bucket: str, owner: str, run: str) -> RunStatus | None:
    """The status of ``run``, or None when bucket or status do not exist (yet). One blocking request, retried.

    ``owner`` is the account that must own the bucket. Raises CloudError when the request fails, not for a
    status that cannot be read (``RunStatus.unreadable``).
    """

    def fetch() -> bytes:
        answer = cloud.client("s3").get_object(Bucket=bucket, Key=status_key(run), ExpectedBucketOwner=owner)
        return read_body(answer["Body"], MOST_STATUS_BYTES)

    try:
        content = cloud.retried(fetch, f"reading the status of run {run}")
    except NotFoundError:
        return None
    return parse_run_status(content, run)

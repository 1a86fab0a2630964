"""Reads the decisions that a job's bucket keeps."""

from __future__ import annotations

from components.naming import Names
from runctl_auto.errors import NotFoundError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.object_body import read_body
from runctl_auto.stack.decisions import DECISIONS_KEY, MOST_DECISIONS_BYTES, Decisions, parse_decisions


def read_decisions(cloud: Cloud, names: Names) -> Decisions | None:
    """The decisions of the job, or None when bucket or object do not exist (yet). One blocking request.

    Raises CloudError when the request fails, and ProgramError for decisions that cannot be read.
    """
    bucket = names.bucket()

    def fetch() -> bytes:
        answer = cloud.client("s3").get_object(
            Bucket=bucket, Key=DECISIONS_KEY, ExpectedBucketOwner=names.account
        )
        return read_body(answer["Body"], MOST_DECISIONS_BYTES)

    try:
        content = cloud.retried(fetch, f"reading the decisions for job {names.job}")
    except NotFoundError:
        return None
    return parse_decisions(content, bucket)

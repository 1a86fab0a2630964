"""Reads the statuses of many runs: one signed request each, in parallel.

A normal client call costs more than a millisecond of CPU, most of it for building a request that differs only
in bucket and key. This module uses the client's connections, proxies and credentials with a request that is
built once. If it fails for any reason, the status is read by a normal client call, which retries and reports
errors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import quote

from runctl_auto.agent.contract import MOST_STATUS_BYTES, status_key
from runctl_auto.errors import RunctlError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.object_body import read_body
from runctl_auto.providers.aws.run_status import read_run_status
from runctl_auto.run.status import RunStatus, parse_run_status

_AT_ONCE = 8
_ABSENT = b""


@dataclass(frozen=True)
class RunPlace:
    """The location of a run's status. ``owner`` is the account that must own the bucket."""

    region: str
    bucket: str
    owner: str
    run: str


def read_statuses(
    places: Sequence[RunPlace], cloud_of: Callable[[str], Cloud]
) -> list[RunStatus | RunctlError | None]:
    """The status at each of ``places``: None where there is none (yet), else why it is unknown. Blocks."""
    regions = {place.region for place in places}
    getters = {region: _quick_getter(cloud_of(region)) for region in regions} if len(places) > 1 else {}

    def quickly(place: RunPlace) -> RunStatus | _Outcome:
        get = getters.get(place.region)
        try:
            content = get(place) if get else None
        except Exception:  # whatever the error, the normal call reports it
            return _Outcome.FAILED
        if content is None:
            return _Outcome.FAILED
        return _Outcome.ABSENT if content == _ABSENT else parse_run_status(content, place.run)

    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        outcomes = list(pool.map(quickly, places))
    return [
        _read(place, outcome, cloud_of(place.region)) for place, outcome in zip(places, outcomes, strict=True)
    ]


class _Outcome(Enum):
    """What a quick request may end with besides a status."""

    ABSENT = "absent"
    FAILED = "failed"


def _read(place: RunPlace, outcome: RunStatus | _Outcome, cloud: Cloud) -> RunStatus | RunctlError | None:
    if outcome is _Outcome.ABSENT:
        return None
    if isinstance(outcome, RunStatus):
        return outcome
    try:
        return read_run_status(cloud, bucket=place.bucket, owner=place.owner, run=place.run)
    except RunctlError as error:
        return error


def _quick_getter(cloud: Cloud) -> Callable[[RunPlace], bytes | None] | None:
    """Reads a status in one request: its bytes, empty when there is none, None to fall back to a normal call.
    None when this client does not support it.
    """
    try:
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest

        client = cloud.client("s3")
        connections = client._endpoint.http_session
        credentials = client._request_signer._credentials
        address = str(client.meta.endpoint_url).rstrip("/")
        sign = S3SigV4Auth(credentials, "s3", cloud.region).add_auth
    except (AttributeError, ImportError):
        return None

    def get(place: RunPlace) -> bytes | None:
        request: Any = AWSRequest(
            "GET",
            f"{address}/{place.bucket}/{quote(status_key(place.run))}",
            headers={"x-amz-expected-bucket-owner": place.owner},
            stream_output=True,
        )
        request.context["signing"] = {}
        sign(request)
        answer = connections.send(request.prepare())
        if answer.status_code == 200:
            return read_body(answer.raw, MOST_STATUS_BYTES) or None
        answer.raw.drain_conn()  # which is then free for the next request
        return _ABSENT if answer.status_code == 404 else None

    return get

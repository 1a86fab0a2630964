"""Reads the statuses of many runs: one signed request each, in parallel.

A normal client call costs more than a millisecond of CPU, of which a signature and a read of a kept
connection need a twentieth. This module uses the client's address, credentials and certificates. Behind a
proxy, and if a request fails for any reason, the status is read by a normal client call, which retries and
reports errors.
"""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from typing import Any
from urllib.parse import quote, urlsplit

from runctl_auto.agent.contract import MOST_STATUS_BYTES
from runctl_auto.agent.keys import status_key
from runctl_auto.agent.store.sigv4 import EMPTY_SHA256, Credentials, signed_headers
from runctl_auto.agent.store.web import is_local
from runctl_auto.errors import RunctlError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.kept_connection import KeptConnection, Place
from runctl_auto.providers.aws.object_data.variables import told_by_variables
from runctl_auto.providers.aws.run_status import read_run_status
from runctl_auto.run.status import RunStatus, parse_run_status

_AT_ONCE = 8
_ABSENT = b""
_TIMEOUT_SECONDS = 60.0


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


Get = Callable[[RunPlace], "bytes | None"]


def _quick_getter(cloud: Cloud) -> Get | None:
    """Reads a status in one request: its bytes, empty when there is none, None to fall back to a normal call.
    None when this client does not support it: its requests go through a proxy, or are no plain ones.
    """
    found = _told(cloud) or _of_client(cloud)
    if found is None:
        return None
    place, address, keys = found
    threads = threading.local()

    def get(asked: RunPlace) -> bytes | None:
        if not hasattr(threads, "connection"):
            threads.connection = KeptConnection(place.connect)
        target = f"/{asked.bucket}/{quote(status_key(asked.run))}"
        headers = signed_headers(
            "GET",
            f"{address}{target}",
            {"x-amz-expected-bucket-owner": asked.owner},
            payload_sha256=EMPTY_SHA256,
            credentials=keys,
            region=cloud.region,
            now=datetime.now(timezone.utc),
        )
        lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        answer: tuple[int, bytes] | None = threads.connection.ask(
            "\r\n".join(lines).encode("ascii"), MOST_STATUS_BYTES + 1
        )
        if answer is None:
            return None
        status, content = answer
        if status == 200:
            return content or None
        return _ABSENT if status == 404 else None

    return get


def _told(cloud: Cloud) -> tuple[Place, str, Credentials] | None:
    """Place, address and keys on this machine, where variables tell them: a client takes a quarter of a
    second to make.
    """
    told = told_by_variables(os.environ, cloud.endpoint_url) if cloud.endpoint_url else None
    parts = urlsplit(told.address) if told is not None else None
    if told is None or parts is None or parts.scheme != "http" or not is_local(told.address):
        return None
    if not parts.hostname or parts.path.strip("/"):
        return None
    address = told.address.rstrip("/")
    return Place(parts.hostname, parts.port or 80, None, _TIMEOUT_SECONDS), address, told.credentials


def _of_client(cloud: Cloud) -> tuple[Place, str, Credentials] | None:
    try:
        client = cloud.client("s3")
        signing = client._request_signer._credentials.get_frozen_credentials()
        place = _place(client)
    except (AttributeError, ValueError, OSError):
        return None
    if place is None:
        return None
    keys = Credentials(signing.access_key, signing.secret_key, signing.token)
    return place, str(client.meta.endpoint_url).rstrip("/"), keys


def _place(client: Any) -> Place | None:
    """Where the client's requests go; None when it does not send them there itself, or not as usual."""
    from botocore.httpsession import get_cert_path

    address = urlsplit(str(client.meta.endpoint_url))
    session = client._endpoint.http_session
    is_secure = address.scheme == "https"
    if address.hostname is None or address.path.strip("/") or address.scheme not in ("http", "https"):
        return None
    if session._proxy_config.proxy_url_for(client.meta.endpoint_url) or session._cert_file:
        return None
    verify = session._verify
    if is_secure and not verify:
        return None
    context = ssl.create_default_context(cafile=get_cert_path(verify)) if is_secure else None
    port = address.port or (443 if is_secure else 80)
    return Place(address.hostname, port, context, float(client.meta.config.read_timeout))

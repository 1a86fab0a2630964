"""Opens a bucket for bulk data with the caller's credentials: address, region and certificates as botocore
has them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from runctl_auto.agent.store.sigv4 import Credentials
from runctl_auto.errors import CredentialsError
from runctl_auto.local.crc64 import encoded_crc64
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.errors import next_step_for, translate
from runctl_auto.providers.aws.object_data.bucket import BucketData
from runctl_auto.providers.aws.object_data.connection import Host, Opener
from runctl_auto.providers.aws.object_data.requests import BucketAt, Requests
from runctl_auto.providers.aws.object_data.variables import Told


def open_bucket(cloud: Cloud, name: str, owner: str | None = None) -> BucketData:
    """The objects of the bucket. Makes no request; its region is found by the first one.

    ``owner``: the account that must own it, None for any.
    """
    client = cloud.client("s3")

    def credentials() -> Credentials:
        found = _frozen(client)
        return Credentials(found.access_key, found.secret_key, found.token)

    return _opened(str(client.meta.endpoint_url), client.meta.region_name, credentials, name, owner)


def open_as_told(told: Told, name: str) -> BucketData:
    """The objects of the bucket at a place, with keys, that variables tell. Makes no request."""
    return _opened(told.address, told.region, lambda: told.credentials, name, None)


def _opened(
    address: str, home: str, credentials: Callable[[], Credentials], name: str, owner: str | None
) -> BucketData:
    is_aws = (urlsplit(address).hostname or "").endswith((".amazonaws.com", ".amazonaws.com.cn"))
    uses_tls = urlsplit(address).scheme == "https"
    trusted = (os.environ.get("AWS_CA_BUNDLE") or _certificates()) if uses_tls else None
    openers: dict[Host, Opener] = {}

    def locate(region: str) -> BucketAt:
        base = address.replace(f".{home}.", f".{region}.") if is_aws else address
        parts = urlsplit(base)
        # S3's wildcard certificate does not apply to a name with dots.
        virtual = is_aws and "." not in name
        netloc = f"{name}.{parts.netloc}" if virtual else parts.netloc
        host = Host.of(f"{parts.scheme}://{netloc}", trusted)
        return BucketAt(
            name=name,
            region=region,
            host=host,
            path="" if virtual else f"{parts.path.rstrip('/')}/{name}",
            owner=owner,
            endpoint=None if is_aws else address,
        )

    requests = Requests(
        locate(home),
        credentials,
        lambda host: openers.setdefault(host, Opener(host))(),
        locate=locate,
        route=lambda host: openers.setdefault(host, Opener(host)).route(),
    )
    return BucketData(requests, encoded_crc64)


def _frozen(client: Any) -> Any:
    """The keys of a botocore client, renewed when they are about to expire."""
    from botocore.exceptions import BotoCoreError

    signer = client._request_signer
    found = signer._credentials
    if found is None:
        raise CredentialsError("There are no credentials for S3.", next_step=next_step_for(CredentialsError))
    try:
        return found.get_frozen_credentials()
    except BotoCoreError as error:
        raise translate(error, "renewing the credentials") from error


def _certificates() -> str | None:
    """The certificates that every other call to AWS trusts."""
    from botocore.httpsession import get_cert_path

    found = get_cert_path(verify=True)
    return str(found) if found else None

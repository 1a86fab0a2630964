"""Opens a bucket for bulk data with the caller's credentials: address, region and certificates as botocore
has them.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from runctl_auto.agent.sigv4 import Credentials
from runctl_auto.errors import CredentialsError
from runctl_auto.local.crc64 import encoded_crc64
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.errors import next_step_for, translate
from runctl_auto.providers.aws.object_data.bucket import BucketData
from runctl_auto.providers.aws.object_data.connection import Host, Opener
from runctl_auto.providers.aws.object_data.requests import BucketAt, Requests


def open_bucket(cloud: Cloud, name: str, owner: str | None = None) -> BucketData:
    """The objects of the bucket. Makes no request; its region is found by the first one.

    ``owner``: the account that must own it, None for any.
    """
    client = cloud.client("s3")
    address = str(client.meta.endpoint_url)
    is_aws = (urlsplit(address).hostname or "").endswith((".amazonaws.com", ".amazonaws.com.cn"))
    trusted = os.environ.get("AWS_CA_BUNDLE") or _certificates()
    openers: dict[Host, Opener] = {}

    def locate(region: str) -> BucketAt:
        base = address.replace(f".{client.meta.region_name}.", f".{region}.") if is_aws else address
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

    def credentials() -> Credentials:
        found = _frozen(client)
        return Credentials(found.access_key, found.secret_key, found.token)

    requests = Requests(
        locate(cloud.region),
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

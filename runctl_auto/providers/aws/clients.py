"""Creates all clients of AWS's services, with botocore's own retries disabled."""

from __future__ import annotations

import os
from typing import Any

from runctl_auto.agent.tracing import spans
from runctl_auto.providers.aws.access import ClientFactory

ONE_ATTEMPT = {"mode": "standard", "total_max_attempts": 1}
"""Retries are ours (``runctl_auto.providers.aws.retry``): two layers would multiply."""

_PRICES_ARE_TOLD_IN = {"cn": "cn-northwest-1", "eu": "eu-central-1", "ap": "ap-south-1", "me": "ap-south-1"}


def client_maker(endpoint_url: str | None = None, *, as_engine: bool = False) -> ClientFactory:
    """Creates clients by service and region, from the environment's credentials; a session is created once.

    ``endpoint_url`` replaces AWS's own addresses; otherwise AWS_ENDPOINT_URL does, if set. ``as_engine``
    looks for credentials in the order of the AWS SDK for Go: key variables before the profile that
    AWS_PROFILE names.
    """
    sessions: list[Any] = []
    endpoint = endpoint_url or os.environ.get("AWS_ENDPOINT_URL") or None

    def make(service: str, region: str) -> Any:
        # botocore alone: boto3 adds resources and transfers, which are unused here and slow to import.
        from botocore.config import Config
        from botocore.session import Session

        if not sessions:
            # Not given the profile, botocore finds it in the environment, after key variables.
            profile = None if as_engine else os.environ.get("AWS_PROFILE")
            sessions.append(Session(profile=profile or None))
        config = Config(
            retries=ONE_ATTEMPT,
            connect_timeout=10,
            read_timeout=60,
            s3={"addressing_style": "path"} if endpoint or os.environ.get("AWS_ENDPOINT_URL_S3") else None,
        )
        client = sessions[0].create_client(
            service,
            region_name=_region_of(service, region),
            config=config,
            # botocore itself resolves an endpoint that is set for a single service.
            endpoint_url=None if os.environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") else endpoint,
        )
        if spans.recorder() is not None:
            from runctl_auto.providers.aws.call_spans import trace_calls

            trace_calls(client)
        return client

    make.endpoint_url = endpoint  # type: ignore[attr-defined]
    return make


def _region_of(service: str, region: str) -> str:
    """The region to query: the price list of all regions is served by a few of them only, costs by one in
    each partition.
    """
    if service == "ce":
        return "cn-northwest-1" if region.startswith("cn-") else "us-east-1"
    if service != "pricing":
        return region
    return _PRICES_ARE_TOLD_IN.get(region.partition("-")[0], "us-east-1")

"""Queries the emulated cloud as any AWS client does."""

from __future__ import annotations

from typing import Any

import boto3
from support.cloud_keys import client_keys


def client(cloud_url: str, service: str, region: str = "us-east-1") -> Any:
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=cloud_url,
        **client_keys(cloud_url),
    )


def state_of(ec2: Any, instance: str) -> str:
    """The instance's state as returned by EC2."""
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    return str(found["State"]["Name"])

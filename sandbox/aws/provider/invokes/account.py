"""The caller's identity, partition and region."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.invoke import Function

_SUFFIXES = {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com"}


def _caller_identity(cloud: Cloud, arguments: Mapping[str, Any]) -> dict[str, Any]:
    del arguments
    caller = cloud.call("sts", "get_caller_identity", "reading STS Caller Identity")
    return {
        "accountId": caller["Account"],
        "arn": caller["Arn"],
        "id": caller["Account"],
        "userId": caller["UserId"],
    }


def _partition(cloud: Cloud, arguments: Mapping[str, Any]) -> dict[str, Any]:
    del arguments
    suffix = _SUFFIXES[cloud.partition]
    return {
        "dnsSuffix": suffix,
        "id": cloud.partition,
        "partition": cloud.partition,
        "reverseDnsPrefix": ".".join(reversed(suffix.split("."))),
    }


def _region(cloud: Cloud, arguments: Mapping[str, Any]) -> dict[str, Any]:
    region = arguments.get("region") or arguments.get("name") or cloud.region
    suffix = _SUFFIXES[cloud.partition]
    return {
        "description": region,
        "endpoint": f"ec2.{region}.{suffix}",
        "id": region,
        "name": region,
        "region": region,
    }


FUNCTIONS = (
    Function("aws:index/getCallerIdentity:getCallerIdentity", frozenset({"id"}), _caller_identity),
    Function("aws:index/getPartition:getPartition", frozenset({"id"}), _partition),
    Function("aws:index/getRegion:getRegion", frozenset({"id", "name", "region"}), _region),
)

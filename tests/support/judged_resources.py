"""Resources as policies see them: complete ones, and small variations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from components.artifact_bucket import tls_only_policy
from components.end_schedule import ending_policy
from components.machine_access import AttachedVolumes, MachineAccess, access_policy
from components.tags import identity_tags

TAGS = identity_tags(project="runctl", job="digits", stack="digits", owner="ada")
GOOD_INSTANCE: dict[str, Any] = {
    "tagsAll": TAGS,
    "instanceInitiatedShutdownBehavior": "terminate",
    "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 2},
    "rootBlockDevice": {"encrypted": True, "tags": TAGS},
    "instanceMarketOptions": {
        "marketType": "spot",
        "spotOptions": {"spotInstanceType": "one-time", "instanceInterruptionBehavior": "terminate"},
    },
}
GOOD_TEMPLATE: dict[str, Any] = {
    "tagsAll": TAGS,
    "instanceInitiatedShutdownBehavior": "terminate",
    "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 2},
}
GROUP_TEMPLATE: dict[str, Any] = {
    **GOOD_TEMPLATE,
    "instanceType": "m5.large",
    "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"encrypted": "true", "volumeSize": 80}}],
}
GOOD_GROUP: dict[str, Any] = {
    "minSize": 0,
    "maxSize": 1,
    "tags": [{"key": key, "value": value, "propagateAtLaunch": True} for key, value in TAGS.items()],
    "mixedInstancesPolicy": {"launchTemplate": {"overrides": [{"instanceType": "m5.large"}]}},
}
CLOSED = dict.fromkeys(
    ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True
)
TLS_ONLY = tls_only_policy("aws", "bucket")
DENY: Mapping[str, Any] = TLS_ONLY["Statement"][0]  # type: ignore[index]


def policy_of(*statements: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "bucket": "bucket",
        "policy": json.dumps({"Version": "2012-10-17", "Statement": list(statements)}),
    }


def instance(**changes: Any) -> dict[str, Any]:
    return {**GOOD_INSTANCE, **changes}


def spot(**options: Any) -> dict[str, Any]:
    return instance(instanceMarketOptions={"marketType": "spot", "spotOptions": options})


def without(key: str) -> dict[str, str]:
    return {name: value for name, value in TAGS.items() if name != key}


def ingress(source: str, family: str = "cidrBlocks") -> dict[str, Any]:
    return {"tagsAll": TAGS, "ingress": [{"fromPort": 22, "toPort": 22, family: [source]}]}


ENVIRONMENT_INPUTS: dict[str, Any] = {
    "region": "us-east-1",
    "instanceType": "g5.xlarge",
    "instanceTypes": ["g5.xlarge", "g4dn.xlarge"],
    "market": "spot",
    "priceHour": 0.5,
    "maxPrice": 0.6,
    "budget": None,
    "maxDurationSeconds": 36000,
    "nodes": 2,
    "diskGb": 100,
    "volumesGb": 165,
    "volumes": [{"name": "data", "sizeGb": 100}, {"name": "cache", "sizeGb": 65}],
}
# 10 h x 2 machines at 0.5 USD, and 10 h of 365 GB at 0.08 USD a month of 730 h
WORST_CASE = 10.4
OWN_ROLE = MachineAccess(
    account="123456789012",
    partition="aws",
    region="us-east-1",
    job="digits",
    run="abc",
    lineage="line",
    bucket="bucket",
    has_secrets=True,
    data=["s3://whole", "s3://other/a/b*"],
)
OWN_PERMISSIONS = access_policy(OWN_ROLE)
GROUP_PERMISSIONS = access_policy(
    replace(OWN_ROLE, group="runctl-digits-group-1", attached=AttachedVolumes(own=True, ids=["vol-1"]))
)
ENDING_PERMISSION = ending_policy("arn:aws:ec2:us-east-1:123456789012:instance/i-0123456789abcdef0")
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"


def environment(**changes: Any) -> dict[str, Any]:
    return {**ENVIRONMENT_INPUTS, **changes}


def permissions(**statement: Any) -> dict[str, Any]:
    allowed = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}
    return {"policy": json.dumps({"Statement": [{**allowed, **statement}]})}


def protected(value: str, **changes: Any) -> dict[str, Any]:
    tags = {**TAGS, "runctl:protected": value}
    return {"tags": tags, "tagsAll": tags, "encrypted": True, **changes}

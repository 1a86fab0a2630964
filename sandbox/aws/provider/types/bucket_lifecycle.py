"""A bucket's lifecycle rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sandbox.aws.provider import tagging
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.resource import Known, Properties
from sandbox.aws.provider.same_value import is_empty
from sandbox.aws.provider.schema import REGION, Change, Kind, refused, replaces, table, updates
from sandbox.aws.provider.types.bucket_setting import BucketSetting

_SIZES = {
    "objectSizeGreaterThan": updates(Kind.INTEGER),
    "objectSizeLessThan": updates(Kind.INTEGER),
}
_FILTER = {
    "and": updates(Kind.OBJECT, fields={**_SIZES, "prefix": updates(), "tags": updates(Kind.MAP)}),
    **_SIZES,
    "prefix": updates(),
    "tag": updates(Kind.OBJECT, fields={"key": updates(required=True), "value": updates(required=True)}),
}
_NONCURRENT = {
    "newerNoncurrentVersions": updates(Kind.INTEGER),
    "noncurrentDays": updates(Kind.INTEGER, required=True),
}
_MOMENT = {"date": updates(), "days": updates(Kind.INTEGER)}
_RULE = {
    "abortIncompleteMultipartUpload": updates(
        Kind.OBJECT, fields={"daysAfterInitiation": updates(Kind.INTEGER)}
    ),
    "expiration": updates(
        Kind.OBJECT, fields={**_MOMENT, "expiredObjectDeleteMarker": updates(Kind.BOOLEAN)}
    ),
    "filter": updates(Kind.OBJECT, fields=_FILTER),
    "id": updates(required=True),
    "noncurrentVersionExpiration": updates(Kind.OBJECT, fields=_NONCURRENT),
    "noncurrentVersionTransitions": updates(
        Kind.OBJECT_SET, fields={**_NONCURRENT, "storageClass": updates(required=True)}
    ),
    "prefix": refused(Change.UPDATE, "use filter.prefix"),
    "status": updates(required=True, allowed=("Enabled", "Disabled")),
    "transitions": updates(Kind.OBJECT_SET, fields={**_MOMENT, "storageClass": updates(required=True)}),
}
# Inputs of a rule and the service's names for them.
_PARTS = {
    "abortIncompleteMultipartUpload": "AbortIncompleteMultipartUpload",
    "expiration": "Expiration",
    "noncurrentVersionExpiration": "NoncurrentVersionExpiration",
    "noncurrentVersionTransitions": "NoncurrentVersionTransitions",
    "transitions": "Transitions",
}


class BucketLifecycleConfiguration(BucketSetting):
    """`aws.s3.BucketLifecycleConfiguration`."""

    token = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"  # noqa: S105
    title = "S3 Bucket Lifecycle Configuration"
    absent = frozenset({"NoSuchLifecycleConfiguration"})
    getter = "get_bucket_lifecycle_configuration"
    inputs = table(
        {
            "bucket": replaces(required=True),
            "expectedBucketOwner": replaces(),
            "region": REGION,
            "rules": updates(Kind.OBJECTS, fields=_RULE),
            "timeouts": refused(Change.NONE, "use the option custom_timeouts"),
            "transitionDefaultMinimumObjectSize": updates(
                computed=True, told=False, allowed=("all_storage_classes_128K", "varies_by_storage_class")
            ),
        }
    )

    def put(self, cloud: Cloud, bucket: str, inputs: Properties, doing: str) -> None:
        cloud.call_s3(
            "put_bucket_lifecycle_configuration",
            doing,
            Bucket=bucket,
            LifecycleConfiguration={"Rules": [_to_service(rule) for rule in inputs.get("rules") or ()]},
            TransitionDefaultMinimumObjectSize=inputs.get("transitionDefaultMinimumObjectSize"),
            ExpectedBucketOwner=inputs.get("expectedBucketOwner") or cloud.account,
        )

    def told(self, answer: Properties, known: Known) -> Properties:
        stated = {rule["id"]: index for index, rule in enumerate(known.carried("rules") or ())}
        rules = [_from_service(rule) for rule in answer["Rules"]]
        rules.sort(key=lambda rule: stated.get(rule["id"], len(stated)))
        size = known.carried("transitionDefaultMinimumObjectSize", "all_storage_classes_128K")
        return {"rules": rules, "transitionDefaultMinimumObjectSize": size}

    def remove(self, cloud: Cloud, bucket: str, state: Properties, doing: str) -> None:
        del state
        cloud.call_s3("delete_bucket_lifecycle", doing, Bucket=bucket)


def _to_service(rule: Mapping[str, Any]) -> dict[str, Any]:
    sent: dict[str, Any] = {
        "ID": rule["id"],
        "Status": rule["status"],
        "Filter": _filter_to_service(rule.get("filter") or {}),
    }
    for name, key in _PARTS.items():
        part = rule.get(name)
        if part:
            sent[key] = [_capitalised(one) for one in part] if isinstance(part, list) else _capitalised(part)
    return sent


def _from_service(rule: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "filter": _filter_from_service(rule.get("Filter") or {}),
        "id": rule.get("ID", ""),
        "status": rule["Status"],
    }
    for name, key in _PARTS.items():
        part = rule.get(key)
        if part:
            told[name] = (
                [_uncapitalised(one) for one in part] if isinstance(part, list) else _uncapitalised(part)
            )
    return told


def _filter_to_service(stated: Mapping[str, Any]) -> dict[str, Any]:
    if stated.get("and"):
        combined = stated["and"]
        tags = tagging.to_list(combined.get("tags"))
        others = _capitalised({name: value for name, value in combined.items() if name != "tags"})
        return {"And": {**others, **({"Tags": tags} if tags else {})}}
    if stated.get("tag"):
        return {"Tag": {"Key": stated["tag"]["key"], "Value": stated["tag"]["value"]}}
    sent = _capitalised(stated)
    return sent or {"Prefix": ""}


def _filter_from_service(held: Mapping[str, Any]) -> dict[str, Any]:
    if held.get("And"):
        combined = dict(held["And"])
        tags = tagging.from_list(combined.pop("Tags", ()))
        return {"and": {**_uncapitalised(combined), **({"tags": tags} if tags else {})}}
    if held.get("Tag"):
        return {"tag": {"key": held["Tag"]["Key"], "value": held["Tag"]["Value"]}}
    return _uncapitalised(held)


def _capitalised(part: Mapping[str, Any]) -> dict[str, Any]:
    return {name[0].upper() + name[1:]: value for name, value in part.items() if not is_empty(value)}


def _uncapitalised(part: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name[0].lower() + name[1:]: value.isoformat() if isinstance(value, datetime) else value
        for name, value in part.items()
        if not is_empty(value)
    }

"""Runs AWS CLI commands as a user would type them, based on botocore's service models.

Supports the form in runctl's receipts: `aws SERVICE [--region R] OPERATION --option value...`, several joined
by `&&`, `aws s3 rb --force`, and the loop that deletes all versions in a bucket. An option that the operation
does not have is an error.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Any

from botocore import xform_name

ClientOf = Callable[[str, str], Any]
"""Creates a client of a service in a region."""

_SERVICES = {"s3api": "s3"}
_VERSIONS = re.compile(
    r"aws s3api --region (?P<region>\S+) list-object-versions --bucket (?P<bucket>\S+) "
    r"--query '\[Versions, DeleteMarkers\]\[\]\.\[Key, VersionId\]' --output text \| "
    r"while IFS=\$'\\t' read -r key version; do aws s3api --region (?P=region) delete-object "
    r'--bucket (?P=bucket) --key "\$key" --version-id "\$version"; done'
)


def run(command: str, client_of: ClientOf, *, home: str = "us-east-1") -> None:
    """Raises botocore's ClientError when the cloud rejects the call, AssertionError for any other command."""
    for part in command.split(" && "):
        loop = _VERSIONS.fullmatch(part)
        if loop is not None:
            _remove_versions(client_of("s3", loop["region"]), loop["bucket"])
            continue
        _one(shlex.split(part), client_of, home)


def _one(words: list[str], client_of: ClientOf, home: str) -> None:
    assert words[0] == "aws", words
    service, rest = words[1], words[2:]
    region = home
    if rest[0] == "--region":
        region, rest = rest[1], rest[2:]
    if service == "s3":
        assert rest[:2] == ["rb", "--force"], rest
        return _remove_bucket(client_of("s3", region), rest[2].removeprefix("s3://"))
    service = _SERVICES.get(service, service)
    operation = rest[0].replace("-", "_")
    client = client_of(service, region)
    model = client.meta.service_model
    names = {xform_name(name): name for name in model.operation_names}
    assert operation in names, f"aws {service} has no {rest[0]}"
    parameters = _parameters(rest[1:], model.operation_model(names[operation]).input_shape)
    getattr(client, operation)(**parameters)
    return None


def _parameters(words: list[str], shape: Any) -> dict[str, Any]:
    members = {xform_name(name).replace("_", "-"): name for name in shape.members}
    parameters: dict[str, Any] = {}
    while words:
        option = words.pop(0).removeprefix("--")
        assert option in members, f"no option --{option}; there are {sorted(members)}"
        values = []
        while words and not words[0].startswith("--"):
            values.append(words.pop(0))
        kind = shape.members[members[option]].type_name
        whole = {"list": values, "boolean": True}
        parameters[members[option]] = whole[kind] if kind in whole else values[0]
    return parameters


def _remove_versions(s3: Any, bucket: str) -> None:
    listed = s3.list_object_versions(Bucket=bucket)
    for each in (*listed.get("Versions", ()), *listed.get("DeleteMarkers", ())):
        s3.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])


def _remove_bucket(s3: Any, bucket: str) -> None:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for each in page.get("Contents", ()):
            s3.delete_object(Bucket=bucket, Key=each["Key"])
    s3.delete_bucket(Bucket=bucket)

"""Parameters of Systems Manager, read only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.invoke import Function
from sandbox.aws.provider.wire import Secret


def _parameter(cloud: Cloud, arguments: Mapping[str, Any]) -> dict[str, Any]:
    name = arguments["name"]
    decrypted = arguments.get("withDecryption", True)
    found = cloud.call(
        "ssm", "get_parameter", f"reading SSM Parameter ({name})", Name=name, WithDecryption=decrypted
    )["Parameter"]
    return {
        "arn": found.get("ARN") or cloud.arn("ssm", f"parameter/{name.lstrip('/')}"),
        "id": name,
        "insecureValue": found["Value"] if found["Type"] != "SecureString" else "",
        "name": name,
        "region": cloud.region,
        "type": found["Type"],
        "value": Secret(found["Value"]),
        "version": found["Version"],
        "withDecryption": decrypted,
    }


FUNCTIONS = (
    Function(
        "aws:ssm/getParameter:getParameter", frozenset({"name", "region", "withDecryption"}), _parameter
    ),
)

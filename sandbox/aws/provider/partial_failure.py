"""Reports a resource that exists although its creation or update failed, within gRPC's size limit.

The report is trailing metadata of a call, of which gRPC clients accept 8 KB for certain and 16 KB at most: if
it is too large, the cause of the failure is lost with the rest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2, status_pb2

from sandbox.aws.provider.wire import encode

DETAILS_KEY = "grpc-status-details-bin"
_MOST_TEXT = 1000
_MOST_DETAILS = 4000
_CUT = " … (cut)"


def partial_failure(
    identifier: str, outputs: Mapping[str, Any], reasons: Sequence[str]
) -> tuple[str, tuple[tuple[str, bytes], ...]]:
    """The message and the trailing metadata for the resource `identifier`; `reasons` are the errors.

    The largest `outputs` are omitted until the metadata fits; a refresh reads them again.
    """
    told = [
        f"1 error occurred:\n\t* {_cut(reason, _MOST_TEXT // max(1, len(reasons)))}\n\n" for reason in reasons
    ]
    message = "".join(told)
    kept = dict(outputs)
    while True:
        status = _status(identifier, kept, told, message)
        if len(status) <= _MOST_DETAILS or not kept:
            return message, ((DETAILS_KEY, status),)
        kept.pop(max(kept, key=lambda name: len(json.dumps(kept[name], default=str))))


def _status(identifier: str, outputs: Mapping[str, Any], reasons: Sequence[str], message: str) -> bytes:
    detail = provider_pb2.ErrorResourceInitFailed(
        id=identifier, properties=encode(dict(outputs)), reasons=reasons
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=message)
    status.details.add().Pack(detail)
    content: bytes = status.SerializeToString()
    return content


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - len(_CUT)] + _CUT

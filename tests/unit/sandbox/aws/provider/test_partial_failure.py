"""A failure with a resource that exists: its cause arrives, whatever the resource holds."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2, status_pb2

from sandbox.aws.provider.partial_failure import DETAILS_KEY, partial_failure
from sandbox.aws.provider.wire import decode

SOFT_LIMIT = 8192


def read(metadata: tuple[tuple[str, bytes], ...]) -> tuple[Any, Any]:
    ((key, content),) = metadata
    assert key == DETAILS_KEY
    status = status_pb2.Status.FromString(content)
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    return status, detail


def test_what_is_small_arrives_whole() -> None:
    message, metadata = partial_failure("i-1", {"ami": "ami-1", "tags": {"a": "b"}}, ["tagging: refused"])
    status, detail = read(metadata)
    assert message == status.message == "1 error occurred:\n\t* tagging: refused\n\n"
    assert (detail.id, list(detail.reasons)) == ("i-1", [message])
    assert decode(detail.properties) == {"ami": "ami-1", "tags": {"a": "b"}}


@pytest.mark.parametrize("reasons", [["refused: UnauthorizedOperation " + "x" * 9000], ["refused"] * 40])
def test_what_is_large_gives_way_to_the_cause(reasons: list[str]) -> None:
    outputs = {"userData": "#!" * 8000, "ami": "ami-1", "userDataBase64": "x" * 3900}
    message, metadata = partial_failure("i-1", outputs, reasons)
    _, detail = read(metadata)
    assert len(message.encode()) + len(metadata[0][1]) * 4 / 3 < SOFT_LIMIT
    assert detail.id == "i-1"
    assert detail.reasons[0].startswith("1 error occurred:\n\t* refused")
    assert set(decode(detail.properties)) == {"ami"}

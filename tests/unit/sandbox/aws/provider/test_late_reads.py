"""What was just made may not be seen yet: it is looked for again, and its absence told at last."""

from __future__ import annotations

from typing import Any
from unittest.mock import create_autospec

from sandbox.aws.provider import operations
from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError
from sandbox.aws.provider.resource import ResourceType


def resource(*reads: Any) -> Any:
    made = create_autospec(ResourceType, instance=True)
    made.title = "Role"
    made.inputs, made.outputs = {}, {}
    made.create.return_value = "r"
    made.read.side_effect = [*reads, *[reads[-1]] * 1000]
    return made


def test_what_is_seen_late_is_made_well(some_cloud: Cloud) -> None:
    late = resource(None, None, {"name": "r"})
    late.settle.side_effect = [CloudError("reading", "NoSuchEntity", "none"), None]
    made = operations.create(late, some_cloud, some_cloud, {})
    assert (made.identifier, made.reasons) == ("r", ())
    assert made.outputs["name"] == "r"
    late.create.assert_called_once()


def test_what_is_never_seen_is_told(some_cloud: Cloud) -> None:
    made = operations.create(resource(None), some_cloud, some_cloud, {})
    assert made.reasons == ("reading Role (r): couldn't find resource",)


def test_a_refusal_is_not_waited_for(some_cloud: Cloud) -> None:
    refused = resource({"name": "r"})
    refused.settle.side_effect = CloudError("tagging", "AccessDenied", "no")
    made = operations.create(refused, some_cloud, some_cloud, {})
    assert made.reasons == ("tagging: no",)
    refused.settle.assert_called_once()

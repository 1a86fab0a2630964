"""A machine that ends is gone: it neither stops and costs on, nor comes back by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator

from policies.rule import UNKNOWN, Judged, Rule, section

INSTANCE = "aws:ec2/instance:Instance"
SPOT_REQUEST = "aws:ec2/spotInstanceRequest:SpotInstanceRequest"


def survives_shutdown(resource: Judged) -> Iterator[str]:
    """A machine that a shutdown stops, or that is protected from ending, or whose disk stays."""
    behavior = resource.inputs.get("instanceInitiatedShutdownBehavior")
    if behavior not in ("terminate", UNKNOWN):
        yield f"instanceInitiatedShutdownBehavior is {json.dumps(behavior)}; allowed: terminate"
    if resource.inputs.get("disableApiTermination") is True:
        yield "disableApiTermination is true; allowed: false"
    if section(resource.inputs, "rootBlockDevice").get("deleteOnTermination", True) is False:
        yield "rootBlockDevice.deleteOnTermination is false; allowed: true"


def comes_back(resource: Judged) -> Iterator[str]:
    """A spot machine whose request outlives it, or that an interruption does not end."""
    market = section(resource.inputs, "instanceMarketOptions")
    if market.get("marketType") != "spot" or market.get("spotOptions") is UNKNOWN:
        return
    options = section(market, "spotOptions")
    kind = options.get("spotInstanceType", "one-time")
    behavior = options.get("instanceInterruptionBehavior", "terminate")
    if kind not in ("one-time", UNKNOWN):
        yield f"spotOptions.spotInstanceType is {json.dumps(kind)}; allowed: one-time"
    if behavior not in ("terminate", UNKNOWN):
        yield f"spotOptions.instanceInterruptionBehavior is {json.dumps(behavior)}; allowed: terminate"


def separate_request(resource: Judged) -> Iterator[str]:
    """A spot request as a resource of its own."""
    yield f"{resource.type} relaunches machines by itself; allowed: an instance with spot market options"


SHUTDOWN_RULE = Rule(
    name="instance-ends-at-shutdown",
    description="An instance that shuts down is terminated, its root volume with it.",
    types=frozenset({INSTANCE}),
    check=survives_shutdown,
)
SPOT_RULE = Rule(
    name="spot-one-time",
    description="A spot instance is requested once and ends at an interruption.",
    types=frozenset({INSTANCE}),
    check=comes_back,
)
REQUEST_RULE = Rule(
    name="no-spot-request",
    description="No spot request outlives its machine.",
    types=frozenset({SPOT_REQUEST}),
    check=separate_request,
)

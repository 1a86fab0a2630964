"""A machine that ends is gone: it neither stops and costs on, nor comes back by itself."""

from __future__ import annotations

from collections.abc import Iterator

from policies.rule import UNKNOWN, Judged, Rule, Settings, Violation, section, shown

INSTANCE = "aws:ec2/instance:Instance"
SPOT_REQUEST = "aws:ec2/spotInstanceRequest:SpotInstanceRequest"


def survives_shutdown(resource: Judged, _: Settings) -> Iterator[Violation]:
    """A machine that a shutdown stops, or that is protected from ending, or whose disk stays."""
    behavior = resource.inputs.get("instanceInitiatedShutdownBehavior")
    if behavior not in ("terminate", UNKNOWN):
        yield Violation(found=f"instanceInitiatedShutdownBehavior is {shown(behavior)}", allowed="terminate")
    if resource.inputs.get("disableApiTermination") is True:
        yield Violation(found="disableApiTermination is true", allowed="false")
    if section(resource.inputs, "rootBlockDevice").get("deleteOnTermination", True) is False:
        yield Violation(found="rootBlockDevice.deleteOnTermination is false", allowed="true")


def comes_back(resource: Judged, _: Settings) -> Iterator[Violation]:
    """A spot machine whose request outlives it, or that an interruption does not end."""
    market = section(resource.inputs, "instanceMarketOptions")
    if market.get("marketType") != "spot" or market.get("spotOptions") is UNKNOWN:
        return
    options = section(market, "spotOptions")
    kind = options.get("spotInstanceType", "one-time")
    behavior = options.get("instanceInterruptionBehavior", "terminate")
    if kind not in ("one-time", UNKNOWN):
        yield Violation(found=f"spotOptions.spotInstanceType is {shown(kind)}", allowed="one-time")
    if behavior not in ("terminate", UNKNOWN):
        yield Violation(
            found=f"spotOptions.instanceInterruptionBehavior is {shown(behavior)}", allowed="terminate"
        )


def separate_request(resource: Judged, _: Settings) -> Iterator[Violation]:
    """A spot request as a resource of its own."""
    yield Violation(
        found=f"{resource.type}, which relaunches machines by itself",
        allowed="an instance with spot market options",
    )


SHUTDOWN_RULE = Rule(
    name="instance-ends-at-shutdown",
    description="An instance that shuts down is terminated, its root volume with it.",
    types=frozenset({INSTANCE}),
    reads=frozenset({"instanceInitiatedShutdownBehavior", "disableApiTermination", "rootBlockDevice"}),
    check=survives_shutdown,
)
SPOT_RULE = Rule(
    name="spot-one-time",
    description="A spot instance is requested once and ends at an interruption.",
    types=frozenset({INSTANCE}),
    reads=frozenset({"instanceMarketOptions"}),
    check=comes_back,
)
REQUEST_RULE = Rule(
    name="no-spot-request",
    description="No spot request outlives its machine.",
    types=frozenset({SPOT_REQUEST}),
    reads=frozenset(),
    check=separate_request,
)

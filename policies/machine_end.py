"""A machine that shuts down is terminated: it neither stops and keeps costing, nor is started again by
itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.rule import (
    UNKNOWN,
    Judged,
    Rule,
    Settings,
    StackRule,
    Violation,
    items,
    section,
    shown,
)

INSTANCE = "aws:ec2/instance:Instance"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
SPOT_REQUEST = "aws:ec2/spotInstanceRequest:SpotInstanceRequest"


def survives_shutdown(resource: Judged, _: Settings) -> Iterator[Violation]:
    """A machine that a shutdown only stops, that is protected from termination, or whose disk is kept.

    An instance with a launch template and no behavior of its own has that of the template.
    """
    behavior = resource.inputs.get("instanceInitiatedShutdownBehavior")
    if behavior not in ("terminate", UNKNOWN) and not (not behavior and _names_template(resource)):
        yield Violation(found=f"instanceInitiatedShutdownBehavior is {shown(behavior)}", allowed="terminate")
    if resource.inputs.get("disableApiTermination") is True:
        yield Violation(found="disableApiTermination is true", allowed="false")
    if section(resource.inputs, "rootBlockDevice").get("deleteOnTermination", True) is False:
        yield Violation(found="rootBlockDevice.deleteOnTermination is false", allowed="true")
    for index, device in enumerate(items(resource.inputs, "blockDeviceMappings")):
        if section(device, "ebs").get("deleteOnTermination") in (False, "false"):
            yield Violation(
                found=f"blockDeviceMappings[{index}].ebs.deleteOnTermination is false", allowed="true"
            )


def foreign_template(resources: Sequence[Judged]) -> Iterator[tuple[Judged, Violation]]:
    """Instances whose shutdown behavior comes from a launch template outside the same stack."""
    templates = frozenset(each.urn for each in resources if each.type == TEMPLATE)
    for each in resources:
        if each.type != INSTANCE or each.inputs.get("instanceInitiatedShutdownBehavior"):
            continue
        sources = each.sources.get("launchTemplate", frozenset())
        if _names_template(each) and sources.isdisjoint(templates):
            yield (
                each,
                Violation(
                    found="its shutdown behavior is that of a launch template outside of the stack",
                    allowed="a launch template of the stack, or instanceInitiatedShutdownBehavior",
                ),
            )


def _names_template(resource: Judged) -> bool:
    """Whether it has a template; the template itself may be unknown in a preview."""
    return "launchTemplate" in resource.inputs


def comes_back(resource: Judged, _: Settings) -> Iterator[Violation]:
    """A spot machine whose request outlives it, or that an interruption does not terminate."""
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
    """A spot request as a separate resource."""
    yield Violation(
        found=f"{resource.type}, which relaunches machines by itself",
        allowed="an instance with spot market options",
    )


SHUTDOWN_RULE = Rule(
    name="instance-ends-at-shutdown",
    description="An instance that shuts down is terminated, its root volume with it.",
    types=frozenset({INSTANCE, TEMPLATE}),
    reads=frozenset(
        {
            "instanceInitiatedShutdownBehavior",
            "disableApiTermination",
            "rootBlockDevice",
            "blockDeviceMappings",
        }
    ),
    check=survives_shutdown,
)
SPOT_RULE = Rule(
    name="spot-one-time",
    description="A spot instance is requested once and ends at an interruption.",
    types=frozenset({INSTANCE, TEMPLATE}),
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
TEMPLATE_RULE = StackRule(
    name="instance-template-of-stack",
    description="A launch template that says how an instance ends is in the instance's stack.",
    check=foreign_template,
)

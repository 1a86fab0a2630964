"""An Auto Scaling group launches what the rules about instances allow, and can be ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.machine_end import TEMPLATE
from policies.rule import (
    UNKNOWN,
    Judged,
    Rule,
    Settings,
    StackRule,
    Violation,
    mappings,
    number,
    section,
    shown,
)

GROUP = "aws:autoscaling/group:Group"

_TRUE = (True, "true", UNKNOWN)


def cannot_end(resource: Judged, _: Settings) -> Iterator[Violation]:
    """A group that keeps machines whatever its run says, or that is not described by a launch template."""
    least = number(resource.inputs, "minSize")
    if least is not None and least > 0:
        yield Violation(found=f"minSize is {shown(least)}", allowed="0, so that the group can be ended")
    if resource.inputs.get("protectFromScaleIn") is True:
        yield Violation(found="protectFromScaleIn is true", allowed="false")
    if resource.inputs.get("launchConfiguration"):
        yield Violation(found="a launch configuration", allowed="a launch template of the stack")


def open_launch(resources: Sequence[Judged]) -> Iterator[tuple[Judged, Violation]]:
    """Groups whose launch template is outside the same stack, or leaves to defaults what must be safe: an
    instance's own settings do not exist in a group.
    """
    templates = {each.urn: each for each in resources if each.type == TEMPLATE}
    for group in resources:
        if group.type != GROUP:
            continue
        used = [each for urn, each in templates.items() if urn in _sources(group)]
        if not used:
            yield (
                group,
                Violation(
                    found="its machines are those of a launch template outside of the stack",
                    allowed="a launch template of the stack",
                ),
            )
        for template in used:
            for violation in _left_open(template):
                yield template, violation


def _sources(group: Judged) -> frozenset[str]:
    found = (group.sources.get(key, frozenset()) for key in ("mixedInstancesPolicy", "launchTemplate"))
    return frozenset().union(*found)


def _left_open(template: Judged) -> Iterator[Violation]:
    inputs = template.inputs
    if section(inputs, "metadataOptions").get("httpTokens") not in ("required", UNKNOWN) and (
        inputs.get("metadataOptions") is not UNKNOWN
    ):
        yield Violation(found="a group's template without metadataOptions.httpTokens", allowed="required")
    disks = [section(each, "ebs").get("encrypted") for each in mappings(inputs, "blockDeviceMappings")]
    if inputs.get("blockDeviceMappings") is not UNKNOWN and not any(each in _TRUE for each in disks):
        yield Violation(
            found="a group's template that does not describe the machine's disk",
            allowed="a block device mapping that is encrypted",
        )


END_RULE = Rule(
    name="group-can-end",
    description="A group of machines can be set to 0, by its run and by its limits.",
    types=frozenset({GROUP}),
    reads=frozenset({"minSize", "protectFromScaleIn", "launchConfiguration"}),
    check=cannot_end,
)
TEMPLATE_RULE = StackRule(
    name="group-template-of-stack",
    description="A group launches from a template of its stack, which leaves nothing unsafe to defaults.",
    check=open_launch,
)

"""A machine's metadata, including its credentials, requires a session token."""

from __future__ import annotations

from collections.abc import Iterator

from policies.rule import UNKNOWN, Judged, Rule, Settings, Violation, number, section, shown

INSTANCE = "aws:ec2/instance:Instance"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
MAX_HOPS = 2


def open_metadata(resource: Judged, _: Settings) -> Iterator[Violation]:
    """Metadata without required tokens, or with a hop limit beyond a container on the machine."""
    if resource.inputs.get("metadataOptions") is UNKNOWN:
        return
    options = section(resource.inputs, "metadataOptions")
    tokens, hops = options.get("httpTokens"), number(options, "httpPutResponseHopLimit")
    if tokens not in ("required", UNKNOWN):
        yield Violation(found=f"metadataOptions.httpTokens is {shown(tokens)}", allowed="required")
    if hops is not None and hops > MAX_HOPS:
        yield Violation(
            found=f"metadataOptions.httpPutResponseHopLimit is {shown(hops)}",
            allowed=f"at most {MAX_HOPS}",
        )


RULE = Rule(
    name="instance-metadata-v2",
    description="Instance metadata is served to IMDSv2 only.",
    types=frozenset({INSTANCE, TEMPLATE}),
    reads=frozenset({"metadataOptions"}),
    check=open_metadata,
)

"""A machine's metadata, its credentials among them, is given out for a session token only."""

from __future__ import annotations

import json
from collections.abc import Iterator

from policies.rule import UNKNOWN, Judged, Rule, section

INSTANCE = "aws:ec2/instance:Instance"
MAX_HOPS = 2


def open_metadata(resource: Judged) -> Iterator[str]:
    """Metadata without required tokens, or that travels further than a container on the machine."""
    if resource.inputs.get("metadataOptions") is UNKNOWN:
        return
    options = section(resource.inputs, "metadataOptions")
    tokens, hops = options.get("httpTokens"), options.get("httpPutResponseHopLimit")
    if tokens not in ("required", UNKNOWN):
        yield f"metadataOptions.httpTokens is {json.dumps(tokens)}; allowed: required"
    if isinstance(hops, (int, float)) and hops > MAX_HOPS:
        yield f"metadataOptions.httpPutResponseHopLimit is {hops:g}; allowed: at most {MAX_HOPS}"


RULE = Rule(
    name="instance-metadata-v2",
    description="Instance metadata is served to IMDSv2 only.",
    types=frozenset({INSTANCE}),
    check=open_metadata,
)

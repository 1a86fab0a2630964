"""What registries answer: manifests, lists of them by platform, and what they ask of a caller."""

from __future__ import annotations

import json
import re
from typing import Any

INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
ACCEPTED = ", ".join((*INDEXES, *MANIFESTS))
_ASKED = re.compile(r'([a-z_]+)="([^"]*)"')


def platforms_in(manifest: dict[str, Any]) -> tuple[str, ...]:
    """The platforms that an index lists; empty for the manifest of one image."""
    found = []
    for each in manifest.get("manifests") or ():
        platform = each.get("platform") or {}
        system, architecture = platform.get("os"), platform.get("architecture")
        if system and architecture and "unknown" not in (system, architecture):
            found.append(f"{system}/{architecture}")
    return tuple(dict.fromkeys(found))


def read_json(content: bytes) -> dict[str, Any] | None:
    """The JSON object; None for anything else."""
    try:
        found = json.loads(content)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def asked_for(challenge: str) -> tuple[str, dict[str, str]]:
    """Scheme and parameters of a ``WWW-Authenticate`` header; the scheme in lower case."""
    scheme, _, rest = challenge.partition(" ")
    return scheme.lower(), dict(_ASKED.findall(rest))

"""A pod's tags, kept among its variables: the API's own tags come after the creation, and need a scope of
their own, so that a pod without them could be nobody's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

VARIABLE = "RUNCTL_TAGS"


def tags_variable(tags: Mapping[str, str]) -> dict[str, str]:
    """The variable that carries ``tags``."""
    return {VARIABLE: json.dumps(dict(tags), sort_keys=True)}


def tags_of(item: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a pod or template; empty when it has none that can be read."""
    env = item.get("env")
    try:
        found = json.loads(env.get(VARIABLE, "{}")) if isinstance(env, Mapping) else {}
    except (TypeError, ValueError):
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}

"""The list of the parts of a large work folder, as its code package has it."""

from __future__ import annotations

import json
import re
from typing import Any

from runctl_auto.agent.packages import MOST_CODE_PARTS, PartJson

_SHA256 = re.compile(r"[0-9a-f]{64}")


def parts_in(listing: bytes) -> tuple[PartJson, ...]:
    """The parts of a list. Raises ValueError for what is none."""
    found: Any = json.loads(listing)
    if not isinstance(found, list) or len(found) > MOST_CODE_PARTS:
        raise ValueError("the list of parts is none")
    return tuple(_part(each) for each in found)


def _part(value: Any) -> PartJson:
    sha256, size = (value.get("sha256"), value.get("bytes")) if isinstance(value, dict) else (None, None)
    if not (isinstance(sha256, str) and _SHA256.fullmatch(sha256) and type(size) is int and size >= 0):
        raise ValueError("the list of parts holds something else")
    return {"sha256": sha256, "bytes": size}

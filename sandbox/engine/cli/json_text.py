"""JSON as Pulumi's CLI prints it."""

from __future__ import annotations

import json
from typing import Any


def pretty(value: Any, indent: int = 2) -> str:
    """Indented JSON; texts as they are."""
    return json.dumps(value, indent=indent, ensure_ascii=False)

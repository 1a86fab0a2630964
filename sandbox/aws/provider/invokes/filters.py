"""Converts the functions' filters to EC2's format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def to_service(arguments: Mapping[str, Any], **also: str | None) -> list[dict[str, Any]] | None:
    """The arguments `filters` and `tags`, and single values by filter name (hyphens as underscores)."""
    filters = [
        {"Name": name.replace("_", "-"), "Values": [value]}
        for name, value in also.items()
        if value is not None
    ]
    filters += [
        {"Name": f"tag:{key}", "Values": [value]} for key, value in (arguments.get("tags") or {}).items()
    ]
    filters += [
        {"Name": one["name"], "Values": list(one["values"])} for one in arguments.get("filters") or ()
    ]
    return filters or None


def as_text(value: bool | None) -> str | None:
    """A boolean as a filter value."""
    return None if value is None else str(value).lower()

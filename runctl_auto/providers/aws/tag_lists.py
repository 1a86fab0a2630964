"""Tags as the APIs of AWS return them."""

from __future__ import annotations

from collections.abc import Mapping


def read_tags(listed: object) -> dict[str, str]:
    """Tags by key, from a service's list of ``{"Key", "Value"}``."""
    entries = listed if isinstance(listed, list) else []
    return {each["Key"]: each["Value"] for each in entries if isinstance(each, Mapping)}

"""Environment variables that are on or off."""

from __future__ import annotations


def is_truthy(text: str) -> bool:
    """Whether the value of an environment variable means yes."""
    return text.strip().lower() in ("1", "true")

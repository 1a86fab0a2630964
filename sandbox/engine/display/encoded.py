"""Texts that hold JSON or YAML, which people are shown as what they hold."""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class Decoded(NamedTuple):
    """A list or map, and the language that it was written in."""

    value: Any
    kind: str


def decoded(text: str) -> Decoded | None:
    """What the text holds; None unless that is a list or map, as a whole. YAML has more than one line."""
    text = text.strip()
    try:
        return _structured(json.loads(text), "json")
    except ValueError:
        pass
    return _from_yaml(text) if "\n" in text or "\r" in text else None


def _from_yaml(text: str) -> Decoded | None:
    import yaml

    try:
        documents = list(yaml.safe_load_all(text))
        return _structured(_with_text_keys(documents[0]), "yaml") if len(documents) == 1 else None
    except (yaml.YAMLError, _NotShown):
        return None


def _structured(value: Any, kind: str) -> Decoded | None:
    return Decoded(value, kind) if isinstance(value, (list, dict)) else None


class _NotShown(Exception):
    """YAML that has no JSON to match."""


def _with_text_keys(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_text_keys(item) for item in value]
    if isinstance(value, dict):
        if not all(isinstance(key, (str, int, float)) for key in value):
            raise _NotShown
        return {str(key): _with_text_keys(item) for key, item in value.items()}
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise _NotShown

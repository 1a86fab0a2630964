"""Property values in text. Events hold `[secret]` for secrets and a fixed text for unknown values."""

from __future__ import annotations

import json
from typing import Any

from sandbox.engine.properties import (
    ARCHIVE_SIGNATURE,
    ASSET_SIGNATURE,
    RESOURCE_SIGNATURE,
    SECRET_SIGNATURE,
    SIGNATURE,
    UNKNOWN_TEXT,
)

SECRET_TEXT = "[secret]"  # noqa: S105 - what stands for a secret

_MOST, _LONGEST = 3, 150
"""How many lines of a text are shown, and how long each may be."""


def is_internal(key: str) -> bool:
    """Whether a property is the engine's or the SDK's own."""
    return key.startswith("__")


def is_secret(value: Any) -> bool:
    """Whether the value stands for a secret."""
    if isinstance(value, dict):
        return value.get(SIGNATURE) == SECRET_SIGNATURE
    return bool(value == SECRET_TEXT)


def is_primitive(value: Any) -> bool:
    """Whether the value fits on one line."""
    return is_secret(value) or not isinstance(value, (list, dict))


def is_worth_showing(value: Any) -> bool:
    """Whether the value says anything: nulls and empty values do not."""
    return value is not None and value not in ("", [], {})


def primitive(value: Any) -> str:
    """A value that fits on one line."""
    if value is None:
        return "<null>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_secret(value):
        return SECRET_TEXT
    if value == UNKNOWN_TEXT:
        return "[unknown]"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() else f"{value:g}"
    return json.dumps(value, ensure_ascii=False)


def cut(text: str) -> str:
    """The text without what is beyond three lines or, in one, beyond 150 characters."""
    lines = [line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..." for line in text.split("\n")[:_MOST]]
    return "\n".join(lines) + ("\n..." if text.count("\n") >= _MOST else "")


def source(value: dict[str, Any]) -> str | None:
    """An asset or archive in one line; None when the value is neither, or an archive of assets."""
    signature = value.get(SIGNATURE)
    kind = {ASSET_SIGNATURE: "asset", ARCHIVE_SIGNATURE: "archive"}.get(str(signature))
    if kind is None or "assets" in value:
        return None
    digest = str(value.get("hash") or "")[:7]
    if "text" in value:
        return f"{kind}(text:{digest}) {{ {value['text']} }}"
    if "path" in value:
        return f"{kind}(file:{digest}) {{ {value['path']} }}"
    if "uri" in value:
        return f"{kind}(uri:{digest}) {{ {value['uri']} }}"
    return f"{kind}(unknown:{digest}) {{ }}"


def fields(value: dict[str, Any]) -> dict[str, Any]:
    """The fields of a structured value that are shown."""
    if value.get(SIGNATURE) == RESOURCE_SIGNATURE:
        return {
            "URN": value.get("urn"),
            "ID": value.get("id"),
            "PackageVersion": value.get("packageVersion"),
        }
    if value.get(SIGNATURE) == ARCHIVE_SIGNATURE:
        return {f'"{name}"': part for name, part in sorted((value.get("assets") or {}).items())}
    return {key: value[key] for key in sorted(value) if not is_internal(key) and key != SIGNATURE}

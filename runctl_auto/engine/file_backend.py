"""What a ``file://`` backend tells without an engine: the configuration of a stack's last operation."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote, urlsplit


def last_config(backend: str, project: str, stack: str) -> dict[str, str] | None:
    """Plain values by full key; None when this backend, or what is in it, has to be asked by an engine."""
    if not backend.startswith("file://"):
        return None
    folder = Path(unquote(urlsplit(backend).path)) / ".pulumi" / "history" / project / stack
    try:
        newest = max(folder.glob("*.history.json"), key=lambda file: file.name, default=None)
        if newest is None:
            return None
        config = json.loads(newest.read_text(encoding="utf-8"))["config"]
        return {key: value for key, value in config.items() if isinstance(value, str)}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None

"""Where in the program a resource is declared, as the state records it: relative to the project."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlparse


def source_position(raw: Any, root: Path) -> str:
    """`project:///PATH#LINE[,COLUMN]` for a position in an absolute file, "" for anything else."""
    if raw is None or raw.line < 0 or raw.column < 0:
        return ""
    file = _in_project(raw.uri, root)
    column = f",{raw.column}" if raw.column else ""
    return f"{file}#{raw.line}{column}" if file else ""


@lru_cache(maxsize=4096)
def _in_project(uri: str, root: Path) -> str:
    """The file seen from the project, "" for what is no file; programs name the same few again and again."""
    parts = urlparse(uri)
    path = unquote(parts.path)
    if parts.scheme != "file" or not os.path.isabs(path):  # noqa: PTH117 - a text, not a file
        return ""
    return f"project:///{quote(os.path.relpath(path, root))}"


def stack_trace(raw: Any, root: Path) -> tuple[dict[str, Any], ...]:
    """The frames of a request's stack trace, {} for those outside any file."""
    frames = []
    for frame in raw.frames:
        position = source_position(frame.pc, root) if frame.HasField("pc") else ""
        frames.append({"sourcePosition": position} if position else {})
    return tuple(frames)

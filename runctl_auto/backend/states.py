"""Reads states of a ``file://`` backend where they lie, without an engine: many stacks in little time.

The layout is that of Pulumi's own file backend: ``.pulumi/stacks/<project>/<stack>.json``, plain or
compressed. What it does not understand it leaves to an engine.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from runctl_auto.errors import RunctlError
from runctl_auto.stack.state import StackState, parse_state

_EXPORTS_AT_ONCE = 4
_KNOWN_VERSIONS = (3, 4)
_STACK_NAME = re.compile(r"^[A-Za-z0-9_.-]+$")


def read_states(
    backend: str,
    project: str,
    jobs: Sequence[str],
    exporter: Callable[[], Callable[[str], StackState | RunctlError]],
    told: Callable[[int], None] | None = None,
) -> dict[str, StackState | RunctlError]:
    """The state of each of ``jobs``, or why it cannot be read. What no file tells is exported."""
    found: dict[str, StackState | RunctlError] = {}
    for job in jobs:
        state = stored_state(backend, project, job)
        if state is not None:
            found[job] = state
    rest = [job for job in jobs if job not in found]
    if rest:
        export = exporter()
        with ThreadPoolExecutor(_EXPORTS_AT_ONCE) as pool:
            for job, answer in zip(rest, pool.map(export, rest), strict=True):
                found[job] = answer
                if told is not None:
                    told(len(found))
    return found


def stored_state(backend: str, project: str, stack: str) -> StackState | None:
    """A stack's state; None when it has to be asked for by an engine (or is not there)."""
    folder = _folder(backend, project)
    if folder is None or not _STACK_NAME.match(stack):
        return None
    try:
        return _parse(_read(folder / f"{stack}.json"))
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None


def _folder(backend: str, project: str) -> Path | None:
    parts = urlsplit(backend)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        return None
    return Path(unquote(parts.path)) / ".pulumi" / "stacks" / project


def _read(file: Path) -> Mapping[str, Any]:
    compressed = file.with_name(f"{file.name}.gz")
    content = file.read_bytes() if file.exists() else gzip.decompress(compressed.read_bytes())
    found: Mapping[str, Any] = json.loads(content)
    return found


def _parse(document: Mapping[str, Any]) -> StackState | None:
    if document["version"] not in _KNOWN_VERSIONS:
        return None
    return parse_state(document["checkpoint"].get("latest") or {})

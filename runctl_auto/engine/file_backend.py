"""What a ``file://`` backend tells without an engine: its stacks and the configuration they were last given.

The layout is Pulumi's own. Whatever is not found as expected (compressed states, another version) has to be
asked of an engine: every function then answers None.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from runctl_auto.engine.unfinished import HistoryRecord

_STATE_VERSION = 3


@dataclass(frozen=True)
class StackFile:
    """A stack as its checkpoint file tells it. ``updated_at`` is RFC 3339 in UTC, of the last write."""

    name: str
    resources: int | None
    updated_at: str
    busy: bool


def backend_folder(backend: str) -> Path | None:
    """The folder that a ``file://`` backend is; None for others."""
    root = _root(backend)
    return None if root is None else root.parent


def stack_files(backend: str, project: str) -> tuple[StackFile, ...] | None:
    """All stacks of ``project`` by name; None when the engine has to be asked."""
    root = _root(backend)
    if root is None:
        return None
    folder, locks = root / "stacks" / project, root / "locks" / "organization" / project
    try:
        if any(folder.glob("*.json.gz")):
            return None
        if not folder.is_dir():
            return () if root.is_dir() else None
        return tuple(_stack(file, locks / file.stem) for file in sorted(folder.glob("*.json")))
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None


def stack_names(backend: str, project: str) -> tuple[str, ...] | None:
    """Names of all stacks of ``project``; None when the engine has to be asked."""
    root = _root(backend)
    if root is None:
        return None
    found = (root / "stacks" / project).glob("*.json*")
    return tuple(sorted({file.name.split(".json")[0] for file in found if _is_state(file)}))


def _is_state(file: Path) -> bool:
    return file.name.endswith((".json", ".json.gz"))


def last_config(backend: str, project: str, stack: str) -> dict[str, str] | None:
    """Plain values of the stack's last operation by full key; None when the engine has to be asked."""
    root = _root(backend)
    if root is None:
        return None
    try:
        recorded = (root / "history" / project / stack).glob("*.history.json")
        newest = max(recorded, key=lambda file: file.name, default=None)
        if newest is None:
            return None
        config = json.loads(newest.read_text(encoding="utf-8"))["config"]
        return {key: value for key, value in config.items() if isinstance(value, str)}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None


def history(backend: str, project: str, stack: str) -> tuple[HistoryRecord, ...] | None:
    """The stack's operations, newest first; None when the engine has to be asked."""
    root = _root(backend)
    if root is None:
        return None
    try:
        files = sorted((root / "history" / project / stack).glob("*.history.json*"), reverse=True)
        return tuple(
            _record(json.loads(file.read_text(encoding="utf-8"))) for file in files if _is_plain(file)
        )
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None


def _is_plain(file: Path) -> bool:
    """Whether it is a record; refuses a compressed one."""
    if file.name.endswith(".history.json"):
        return True
    if file.name.endswith(".attrs"):
        return False
    raise ValueError(f"{file} is not a plain record")


def _record(document: dict[str, Any]) -> HistoryRecord:
    return HistoryRecord(
        kind=str(document["kind"]),
        succeeded=document["result"] == "succeeded",
        began=datetime.fromtimestamp(document["startTime"], tz=timezone.utc),
        ended=datetime.fromtimestamp(document["endTime"], tz=timezone.utc),
    )


def _root(backend: str) -> Path | None:
    if not backend.startswith("file://"):
        return None
    return Path(unquote(urlsplit(backend).path)) / ".pulumi"


def _stack(file: Path, locks: Path) -> StackFile:
    checkpoint: dict[str, Any] = json.loads(file.read_bytes())
    if checkpoint["version"] != _STATE_VERSION:
        raise ValueError(f"{file} has version {checkpoint['version']}")
    latest = checkpoint["checkpoint"].get("latest")
    return StackFile(
        name=file.stem,
        resources=None if latest is None else len(latest.get("resources") or ()),
        updated_at=_moment(latest, file),
        busy=any(locks.glob("*.json")),
    )


def _moment(latest: dict[str, Any] | None, file: Path) -> str:
    told = ((latest or {}).get("manifest") or {}).get("time")
    if told and not told.startswith("0001"):
        return str(told)
    return datetime.fromtimestamp(file.stat().st_mtime, tz=timezone.utc).isoformat().replace("+00:00", "Z")

"""What a backend of files tells without an engine: its stacks, their history, the configuration they were
last given.

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

from runctl_auto.backend.files import ROOT, BackendFiles
from runctl_auto.backend.unfinished import UPDATE, HistoryRecord

_STATE_VERSION = 3
_RECORD = ".history.json"


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


def last_config(files: BackendFiles | None, project: str, stack: str) -> dict[str, str] | None:
    """Plain values of the stack's last operation by full key; None when the engine has to be asked."""
    if files is None:
        return None
    folder = f"history/{project}/{stack}"
    try:
        records = [name for name in files.names(folder) if name.endswith(_RECORD)]
        if not records:
            return None
        config = json.loads(files.read(f"{folder}/{max(records)}"))["config"]
        return {key: value for key, value in config.items() if isinstance(value, str)}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None


def history(files: BackendFiles | None, project: str, stack: str) -> tuple[HistoryRecord, ...] | None:
    """The stack's operations since the last update that succeeded, and that, newest first; None when the
    engine has to be asked."""
    if files is None:
        return None
    folder = f"history/{project}/{stack}"
    found: list[HistoryRecord] = []
    try:
        for name in sorted(files.names(folder), reverse=True):
            if not _is_record(name):
                continue
            found.append(_record(json.loads(files.read(f"{folder}/{name}"))))
            if found[-1].kind == UPDATE and found[-1].succeeded:
                break
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None
    return tuple(found)


def _is_record(name: str) -> bool:
    """Whether a file is a record; refuses a compressed one."""
    if name.endswith((f"{_RECORD}.gz", f"{_RECORD}.zst")):
        raise ValueError(f"{name} is compressed")
    return name.endswith(_RECORD)


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
    return Path(unquote(urlsplit(backend).path)) / ROOT


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

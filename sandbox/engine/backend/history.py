"""The history of a stack: a record and a copy of the checkpoint for every operation."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.engine.backend.bucket import Bucket
from sandbox.engine.backend.errors import BackendError
from sandbox.engine.backend.reference import StackReference
from sandbox.engine.json_text import compact

FOLDER = ".pulumi/history"
_RECORD = ".history.json"


@dataclass(frozen=True)
class HistoryRecord:
    """One operation. Times are seconds since 1970; `config` holds raw values as in the settings file."""

    kind: str
    start_time: int
    end_time: int
    result: str
    message: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    resource_changes: Mapping[str, int] | None = None

    def to_json(self) -> dict[str, Any]:
        """The record as it stands in its file."""
        document: dict[str, Any] = {
            "kind": self.kind,
            "startTime": self.start_time,
            "message": self.message,
            "environment": dict(sorted(self.environment.items())),
            "config": dict(sorted(self.config.items())),
            "version": 0,
            "result": self.result,
            "endTime": self.end_time,
        }
        if self.resource_changes is not None:
            document["resourceChanges"] = dict(sorted(self.resource_changes.items()))
        return document


def from_json(document: Mapping[str, Any]) -> HistoryRecord:
    """The record that `to_json` wrote."""
    return HistoryRecord(
        kind=str(document.get("kind", "")),
        start_time=int(document.get("startTime", 0)),
        end_time=int(document.get("endTime", 0)),
        result=str(document.get("result", "")),
        message=str(document.get("message", "")),
        environment=document.get("environment") or {},
        config=document.get("config") or {},
        resource_changes=document.get("resourceChanges"),
    )


class History:
    """The histories of one backend's stacks."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def add(self, reference: StackReference, record: HistoryRecord, checkpoint_key: str) -> None:
        """Adds a record, with a copy of the checkpoint as it is now."""
        prefix = f"{folder(reference)}/{reference.name}-{time.time_ns()}"
        text = compact(record.to_json(), html=True)
        self._bucket.write(f"{prefix}{_RECORD}", text.encode())
        self._bucket.copy(checkpoint_key, f"{prefix}.checkpoint.json")

    def page(self, reference: StackReference, page_size: int = 0, page: int = 1) -> list[HistoryRecord]:
        """The records, newest first: all of them, or one page (counted from 1)."""
        names = [name for name in self._bucket.names(folder(reference)) if name.endswith(_RECORD)]
        names.reverse()
        if page_size > 0:
            start = (max(page, 1) - 1) * page_size
            names = names[start : start + page_size]
        return [self._read(f"{folder(reference)}/{name}") for name in names]

    def rename(self, old: StackReference, new: StackReference) -> None:
        """Moves a stack's records to its new name."""
        for name in self._bucket.names(folder(old)):
            stem, dash, rest = name.rpartition("-")
            if dash and stem == old.name:
                source = f"{folder(old)}/{name}"
                self._bucket.copy(source, f"{folder(new)}/{new.name}-{rest}")
                self._bucket.delete(source)

    def remove(self, reference: StackReference) -> None:
        """Removes all of a stack's records."""
        self._bucket.delete_tree(folder(reference))

    def _read(self, key: str) -> HistoryRecord:
        try:
            return from_json(json.loads(self._bucket.read(key)))
        except (OSError, ValueError) as error:
            raise BackendError(f"reading history file {key}: {error}") from error


def folder(reference: StackReference) -> str:
    """The folder of a stack's history in the backend."""
    return f"{FOLDER}/{reference.project}/{reference.name}"

"""The history of a stack: a record of each operation, and the configuration that it was given.

Pulumi keeps ``history/<project>/<stack>/<stack>-<nanoseconds>.history.json``, with ``.gz`` or ``.zst`` when
it compresses, each beside a copy of the checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from runctl_auto.backend.files import StoredFile

FOLDER = "history"
UPDATE = "update"
_SUFFIXES = (".history.json", ".history.json.gz", ".history.json.zst")


@dataclass(frozen=True)
class HistoryRecord:
    """One operation as the history tells it. Its times are whole seconds, cut. ``config`` are the plain
    values that it was given, by full key."""

    kind: str
    succeeded: bool
    began: datetime
    ended: datetime
    config: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_complete_update(self) -> bool:
        return self.kind == UPDATE and self.succeeded


def record_files(found: Iterable[StoredFile]) -> list[StoredFile]:
    """The files of records, newest first, out of the files of a stack's history."""
    records = [file for file in found if file.name.endswith(_SUFFIXES)]
    return sorted(records, key=lambda file: file.name, reverse=True)


def newest_of_each(found: Iterable[StoredFile], folder: str) -> dict[str, StoredFile]:
    """The newest record of each stack by the stack's name, out of all files of a project's history, which is
    in ``folder``."""
    newest: dict[str, StoredFile] = {}
    for file in found:
        stack, slash, name = file.path.removeprefix(f"{folder}/").partition("/")
        if slash and name.endswith(_SUFFIXES) and (stack not in newest or name > newest[stack].name):
            newest[stack] = file
    return dict(sorted(newest.items()))


def parse_record(document: Mapping[str, Any]) -> HistoryRecord:
    """Raises one of ``UNREADABLE`` when the document is no record."""
    return HistoryRecord(
        kind=str(document["kind"]),
        succeeded=document["result"] == "succeeded",
        began=_moment(document["startTime"]),
        ended=_moment(document["endTime"]),
        config=plain_config({"config": document.get("config") or {}}),
    )


def plain_config(document: Mapping[str, Any]) -> dict[str, str]:
    """The texts of the configuration of a record by full key, without secrets and structured values."""
    return {key: value for key, value in document["config"].items() if isinstance(value, str)}


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=timezone.utc)

"""The statuses of runs that have ended, kept in the project: an ended run's status never changes.

A status counts for as long as the stack has made nothing since: a job of the same name that is set up again
has the same run ids, and other resources.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from runctl_auto.backend.mark import backend_mark
from runctl_auto.errors import RunctlError
from runctl_auto.jobs.session import Session
from runctl_auto.local.private_folder import read_private, replace_private
from runctl_auto.providers.contract import RunKey
from runctl_auto.run.status import RunStatus, status_of

FORMAT = 2
_FOLDER = "statuses"


class EndedStatuses:
    """Those of one backend's jobs. ``made_at`` tells of each job when its stack last made a resource; jobs
    for which that is unknown are neither found nor kept.
    """

    def __init__(self, session: Session, made_at: Mapping[str, str | None]) -> None:
        self._folders = session.folders
        self._name = f"{backend_mark(session.environment.backend)}.json"
        self._made_at = made_at
        self._kept: dict[str, dict[str, Any]] = _entries(self._read())
        self._changed = False

    def find(self, key: RunKey) -> RunStatus | None:
        """The status of a run, if it is kept."""
        entry = self._kept.get(_text(key))
        made = self._made_at.get(key.job)
        if entry is None or made is None or entry.get("made") != made:
            return None
        try:
            found = status_of(key.run, entry["status"])
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        return found if found.ended else None

    def keep(self, key: RunKey, status: object) -> None:
        """Keeps a status if it is one of a run that has ended."""
        made = self._made_at.get(key.job)
        if isinstance(status, RunStatus) and status.ended and made is not None:
            self._kept[_text(key)] = {"made": made, "status": dict(status.raw)}
            self._changed = True

    def save(self, jobs: Collection[str]) -> None:
        """Writes what has changed, without jobs that are not among ``jobs``. What cannot be written is read
        again the next time.
        """
        if not self._changed:
            return
        kept = {key: entry for key, entry in self._kept.items() if key.split("/")[1] in jobs}
        try:
            folder = self._folders.make_private(_FOLDER)
            replace_private(folder / self._name, json.dumps({"format": FORMAT, "statuses": kept}))
        except (OSError, RunctlError):
            return

    def _read(self) -> str | None:
        try:
            return read_private(Path(self._folders.private / _FOLDER / self._name))
        except (OSError, RunctlError):
            return None


def _text(key: RunKey) -> str:
    return f"{key.account}/{key.job}/{key.run}"


def _entries(text: str | None) -> dict[str, dict[str, Any]]:
    try:
        content: Any = json.loads(text or "{}")
        found = content["statuses"] if content.get("format") == FORMAT else {}
    except (ValueError, KeyError, AttributeError):
        return {}
    return {key: entry for key, entry in found.items() if isinstance(entry, dict) and key.count("/") == 2}

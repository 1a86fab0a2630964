"""Which part files made, by what the file system says of the files: unchanged ones are not read again."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from runctl_auto.errors import RunctlError
from runctl_auto.local.private_folder import read_private, replace_private
from runctl_auto.packaging.work_folder import WorkFile

_FILE = "known-parts.json"
_WRITTEN_LATELY_NS = 2 * 10**9
"""Times of a file system advance in steps: a file of this age could be changed again unseen."""


class KnownParts:
    """Kept in the private folder ``packages``. What cannot be read or written is read from the files."""

    def __init__(self, packages: Path, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._path = packages / _FILE
        self._now_ns = now_ns
        self._before = _entries(self._path)
        self._now: dict[str, str] = {}

    def mark(self, files: Sequence[WorkFile]) -> str | None:
        """What becomes another one with any change of the files; None where that cannot be told yet."""
        digest = hashlib.sha256()
        settled = self._now_ns() - _WRITTEN_LATELY_NS
        for file in files:
            try:
                found = file.path.lstat()
            except OSError:
                return None  # which is told where the file is read
            if max(found.st_mtime_ns, found.st_ctime_ns) > settled:
                return None
            facts = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_mode)
            digest.update(json.dumps([file.name, *facts]).encode() + b"\n")
        return digest.hexdigest()

    def find(self, mark: str | None) -> str | None:
        """The hash of the part that these files made."""
        found = self._before.get(mark) if mark is not None else None
        if found is not None and mark is not None:
            self._now[mark] = found
        return found

    def keep(self, mark: str | None, sha256: str) -> None:
        if mark is not None:
            self._now[mark] = sha256

    def save(self, is_there: Callable[[str], bool]) -> None:
        """Writes what is known, also of other jobs; without parts that are not there any more."""
        known = {mark: sha for mark, sha in {**self._before, **self._now}.items() if is_there(sha)}
        if known == self._before:
            return
        try:
            replace_private(self._path, json.dumps(known))
        except (OSError, RunctlError):
            return


def _entries(path: Path) -> dict[str, str]:
    try:
        found: Any = json.loads(read_private(path) or "{}")
        return {key: value for key, value in found.items() if isinstance(value, str)}
    except (OSError, RunctlError, ValueError, AttributeError):
        return {}

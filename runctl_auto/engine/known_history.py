"""Which record of a stack's history the settings file of this project folder agrees with.

A stack's settings file is one of this folder; another folder or machine may have changed the stack since.
Then the history has a newer record than the one noted here, and the settings are taken from there. What this
folder decided after the noted record, and a killed engine did not record, stays.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.backend.backend import Backend
from runctl_auto.errors import UntrustedError
from runctl_auto.local.private_folder import read_private, replace_private
from runctl_auto.local.project import ProjectFolders
from runctl_auto.stack.config import KEYS, NAMESPACE
from runctl_auto.stack.settings_file import read_config

_FOLDER = "known-history"
_DECIDED = tuple(f"{NAMESPACE}:{key}" for key in KEYS)


@dataclass(frozen=True)
class KnownHistory:
    """Of all stacks of ``backend``, as this project folder knows them. Asks no engine."""

    folders: ProjectFolders
    backend: Backend

    def is_outdated(self, stack: str, settings: Path) -> bool:
        """Whether another folder changed the stack, and ``settings`` say something else. A backend that
        cannot be read tells nothing."""
        newest = self.backend.newest_record(stack)
        if newest is None or self._text(newest) == self._noted(stack):
            return False
        recorded = self.backend.config(stack)
        held = read_config(settings)
        return recorded is not None and any(recorded.get(key) != held.get(key) for key in _DECIDED)

    def note(self, stack: str) -> None:
        """From now on the settings agree with the newest record."""
        newest = self.backend.newest_record(stack)
        with suppress(OSError, UntrustedError):
            if newest is not None and self._text(newest) != self._noted(stack):
                replace_private(self._file(stack), self._text(newest))

    def _noted(self, stack: str) -> str | None:
        return read_private(self._file(stack))

    def _text(self, record: str) -> str:
        return f"{record} {self.backend.url}\n"

    def _file(self, stack: str) -> Path:
        return self.folders.make_private(_FOLDER) / f"{stack}.txt"

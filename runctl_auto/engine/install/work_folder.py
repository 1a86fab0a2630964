"""The private folder of one installation: made empty, removed at the end whatever happens."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.engine.install.errors import DiskFullError
from runctl_auto.engine.install.place import Place

GIB = 1024**3
_REMOVAL_ATTEMPTS = 10
_REMOVAL_PAUSE_SECONDS = 0.5

Sleep = Callable[[float], None]


@dataclass(frozen=True)
class WorkFolder:
    """Holds everything that an installation writes; ``root`` is what is installed in the end."""

    path: Path

    @property
    def root(self) -> Path:
        return self.path / "root"

    def folder(self, name: str) -> Path:
        """The folder of this name, made when it is not there."""
        folder = self.path / name
        folder.mkdir(exist_ok=True)
        return folder


@contextmanager
def work_folder(place: Place, sleep: Sleep) -> Iterator[WorkFolder]:
    """An empty work folder of ``place``, whose lock the caller holds. Raises OSError."""
    remove_tree(place.work, sleep)
    place.work.mkdir(mode=0o700)
    try:
        yield WorkFolder(place.work)
    finally:
        remove_tree(place.work, sleep)


def require_free_space(folder: Path, gib: float, free_bytes: Callable[[Path], int]) -> None:
    """Raises ``DiskFullError`` when less than ``gib`` is free where ``folder`` lies."""
    free = free_bytes(folder)
    if free < gib * GIB:
        raise DiskFullError(
            f"Installing the Pulumi engine needs {gib:g} GiB of free space; {free / GIB:.1f} GiB are free.",
            where={"folder": str(folder)},
            next_step="Free some space, or set XDG_DATA_HOME to a folder on a larger disk, and repeat.",
        )


def free_bytes(folder: Path) -> int:
    """What an ordinary user may still write where ``folder`` lies."""
    return shutil.disk_usage(folder).free


def remove_tree(folder: Path, sleep: Sleep) -> None:
    """Removes ``folder`` and what is in it; read-only folders, as Go makes them, included. Idempotent.

    Tries again for a few seconds while a process that has just been killed still writes. Raises OSError.
    """
    for attempt in range(_REMOVAL_ATTEMPTS):
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            if not os.path.lexists(folder):
                return
        except OSError:
            if attempt == _REMOVAL_ATTEMPTS - 1:
                raise
            _make_folders_writable(folder)
            if attempt > 0:
                sleep(_REMOVAL_PAUSE_SECONDS)
        else:
            return


def _make_folders_writable(folder: Path) -> None:
    for path, _folders, _files in os.walk(folder):
        Path(path).chmod(0o700)

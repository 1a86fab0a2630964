"""The code's own files in the checkpoint folder: kept aside, and laid under what is restored."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

OLDEST_SECONDS = 315_619_200
"""2 January 1980: older than every checkpoint, and a time that zip archives can hold."""


class OwnFiles:
    """What a code package holds in the job's checkpoint folder (`part` of the work folder)."""

    def __init__(self, aside: Path, part: str) -> None:
        self._aside = aside
        self._part = part

    def set_aside(self, unpacked: Path) -> None:
        """Moves them out of a package that was just unpacked; those of an earlier one are dropped."""
        shutil.rmtree(self._aside, ignore_errors=True)
        self._aside.mkdir(parents=True)
        folder = unpacked / self._part
        if folder.is_dir():
            for entry in sorted(folder.iterdir()):
                shutil.move(str(entry), str(self._aside / entry.name))

    def lay_under(self, folder: Path, *, as_oldest: bool) -> int:
        """Copies to `folder` what it lacks, and returns the number of files; replaces nothing.

        `as_oldest`: the copies are older than all else, so that a job that takes the newest file of the
        folder takes a saved one.
        """
        count = 0
        for parent, folders, names in os.walk(self._aside):
            target = folder / Path(parent).relative_to(self._aside)
            if target.is_symlink() or (os.path.lexists(target) and not target.is_dir()):
                folders.clear()
                continue
            target.mkdir(parents=True, exist_ok=True)
            linked = [name for name in folders if (Path(parent) / name).is_symlink()]
            for name in names + linked:
                source, copy = Path(parent) / name, target / name
                if os.path.lexists(copy):
                    continue
                shutil.copy2(source, copy, follow_symlinks=False)
                if as_oldest:
                    os.utime(copy, (OLDEST_SECONDS, OLDEST_SECONDS), follow_symlinks=False)
                count += 1
        return count

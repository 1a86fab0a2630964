"""A folder of fetched results, replaced as a whole; what runctl did not bring home stays in it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runctl_auto.errors import UnfetchedArtifactsError
from runctl_auto.packaging.fetched_results import RECORD_FILE


class FetchedFolder:
    """The folder ``path``, which need not exist. A replacement that was killed is finished by ``finish``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._arriving = path.parent / f".{path.name}.arriving"
        self._leaving = path.parent / f".{path.name}.leaving"

    def finish(self) -> None:
        """Finishes a replacement that was killed. Raises OSError."""
        if not self._leaving.is_dir():
            return
        if not os.path.lexists(self.path):
            self._leaving.rename(self.path)
        else:
            self._keep_others()

    @contextmanager
    def arriving(self) -> Iterator[tuple[Path, Path]]:
        """An empty folder that takes the place of this one when the block ends well, and a path for a file on
        its way. Raises OSError; ``UnfetchedArtifactsError`` when a link is in its place.
        """
        if self.path.is_symlink():
            raise UnfetchedArtifactsError(
                f"{self.path} is a link: results are not fetched to it.",
                where={"folder": str(self.path)},
                next_step="Move it away and repeat.",
            )
        shutil.rmtree(self._arriving, ignore_errors=True)
        content = self._arriving / "content"
        content.mkdir(parents=True)
        yield content, self._arriving / "part"
        if self.path.exists():
            self.path.rename(self._leaving)
        content.rename(self.path)
        self._arriving.rmdir()
        if self._leaving.is_dir():
            self._keep_others()

    def _keep_others(self) -> None:
        """Moves what was not fetched from the old folder to the new one, and removes the rest."""
        fetched = {self._leaving / name for name in (*_recorded(self._leaving), RECORD_FILE)}
        for parent, folders, names in os.walk(self._leaving, topdown=False):
            for name in (*names, *(each for each in folders if (Path(parent) / each).is_symlink())):
                old = Path(parent) / name
                if old in fetched:
                    old.unlink()
                else:
                    self._keep(old)
            for name in folders:
                if not (Path(parent) / name).is_symlink() and (Path(parent) / name).is_dir():
                    (Path(parent) / name).rmdir()
        self._leaving.rmdir()

    def _keep(self, old: Path) -> None:
        place = self.path / old.relative_to(self._leaving)
        while not _can_hold(place.parent):
            place = place.parent.with_name(f"{place.parent.name}.{place.name}")
        place.parent.mkdir(parents=True, exist_ok=True)
        number = 1
        free = place
        while os.path.lexists(free):
            free = place.with_name(f"{place.name}.before-{number}")
            number += 1
        old.rename(free)


def _can_hold(folder: Path) -> bool:
    """Whether it is a folder, or can become one."""
    nearest = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
    return nearest.is_dir()


def _recorded(folder: Path) -> Iterator[str]:
    """The paths of what was fetched to a folder; nothing without a record that can be read."""
    try:
        record = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
        yield from [str(each["path"]) for each in record]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return

"""Brings the job's data by their strategies: staged, kept on a volume, or left to the job to read."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from runctl_auto.agent.data.kept_data import FilesVia, KeptData
from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.spec import DataSpec
from runctl_auto.agent.spec_format import ON_A_VOLUME, DataStrategy


class GivesCache(Protocol):
    """Gives a folder on the fastest disk of the machine that has room."""

    def __call__(self, name: str, /) -> Path: ...


@dataclass(frozen=True)
class BroughtData:
    """Where data are for the job: ``path`` holds the files, or ``cache`` is where the job may keep them."""

    source: str
    strategy: str
    path: Path
    cache: Path | None = None

    def as_json(self) -> dict[str, str | None]:
        """As RUNCTL_DATA tells it."""
        return {
            "source": self.source,
            "strategy": self.strategy,
            "path": str(self.path),
            "cache": None if self.cache is None else str(self.cache),
        }


class BringingData:
    """Brings data to the job before it begins; a restarted agent goes on where another one stopped."""

    def __init__(
        self, files_via: FilesVia, scratch: Path, *, cache: GivesCache, say: Callable[[str], None]
    ) -> None:
        self._files_via = files_via
        self._scratch = scratch
        self._cache = cache
        self._say = say

    def __call__(
        self, sources: Sequence[DataSpec], work: Path, mounts: Mapping[str, Path]
    ) -> tuple[BroughtData, ...]:
        """Blocks until everything that is copied is there; raises AgentError, OSError, or as staging does."""
        staged = [each for each in sources if each.strategy == DataStrategy.STAGE]
        if staged:
            self._files_via(self._scratch).stage(staged, work)
        return tuple(self._brought(each, work, mounts) for each in sources)

    def _brought(self, source: DataSpec, work: Path, mounts: Mapping[str, Path]) -> BroughtData:
        path = work / source.path
        cache = None
        if source.strategy in ON_A_VOLUME:
            folder = KeptData(self._files_via, mounts[source.volume or ""], self._say).bring(source)
            _link(path, folder)
        elif source.strategy == DataStrategy.CACHE:
            cache = self._cache(source.path)
            self._say(f"data {source}: the job reads the objects and keeps them in {cache}")
        elif source.strategy == DataStrategy.DIRECT:
            self._say(f"data {source}: the job reads the objects itself")
        return BroughtData(str(source), source.strategy, path, cache)


def _link(path: Path, folder: Path) -> None:
    """Makes ``path`` a link to ``folder``; an empty folder gives way, anything else is an error."""
    if path.is_symlink():
        if Path(os.readlink(path)) == folder:  # noqa: PTH115 - a link that leads nowhere is read as well
            return
        path.unlink()
    elif path.is_dir():
        if any(path.iterdir()):
            raise AgentError(f"the work folder has files in {path.name}/, where data of a volume are to be")
        path.rmdir()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(folder, target_is_directory=True)

"""Where engines are installed: by version in the person's data folder, shared by all projects and clones."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.engine.install.pinned import pinned_version

_RECORD = "engine.json"


@dataclass(frozen=True)
class Place:
    """The folder of all engines, and the version concerned. Nothing of it need exist."""

    folder: Path
    version: str

    @property
    def root(self) -> Path:
        """The finished engine: ``bin/pulumi`` and the record."""
        return self.folder / self.version

    @property
    def work(self) -> Path:
        """All files of an installation in progress; beside ``root``, so that a rename is atomic."""
        return self.folder / f".work-{self.version}"

    @property
    def lock(self) -> Path:
        """Locked by the process that installs this version."""
        return self.folder / f".lock-{self.version}"

    def unfinished(self) -> list[Place]:
        """Places of all versions that have a work folder."""
        prefix = ".work-"
        return [
            Place(self.folder, each.name.removeprefix(prefix))
            for each in sorted(self.folder.glob(f"{prefix}*"))
        ]


def engine_place(environ: Mapping[str, str]) -> Place:
    """Where the pinned engine belongs: ``$XDG_DATA_HOME/runctl/engines``, else in ``~/.local/share``."""
    data = environ.get("XDG_DATA_HOME", "")
    if not Path(data).is_absolute():
        home = environ.get("HOME")
        data = str((Path(home) if home else Path.home()) / ".local" / "share")
    return Place(Path(data) / "runctl" / "engines", pinned_version())


def executable(root: Path) -> Path:
    """The engine in ``root``, as the Automation API expects it."""
    return root / "bin" / "pulumi"


def installed(environ: Mapping[str, str]) -> Path | None:
    """Root of the pinned engine when it is installed whole. Starts no process."""
    place = engine_place(environ)
    return place.root if is_complete(place.root, place.version) else None


def is_complete(root: Path, version: str) -> bool:
    """Whether ``root`` holds the engine that its record describes, and that is ``version``."""
    try:
        record = json.loads((root / _RECORD).read_text(encoding="utf-8"))
        size = executable(root).stat().st_size
    except (OSError, ValueError):
        return False
    return (
        isinstance(record, dict)
        and record.get("version") == version
        and record.get("size") == size
        and os.access(executable(root), os.X_OK)
    )


def write_record(root: Path, version: str, details: Mapping[str, object]) -> None:
    """Describes the engine in ``root``; both are on disk when this returns. Raises OSError."""
    engine = executable(root)
    with engine.open("rb") as stream:
        os.fsync(stream.fileno())
    record = {"version": version, "size": engine.stat().st_size, **details}
    with (root / _RECORD).open("w", encoding="utf-8") as stream:
        json.dump(record, stream, indent=2)
        stream.flush()
        os.fsync(stream.fileno())

"""Installs the pinned engine for this person: by download or by build, whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from runctl_auto.engine.install import official
from runctl_auto.engine.install.archives import HOST, Archive
from runctl_auto.engine.install.build import build
from runctl_auto.engine.install.errors import DiskFullError, EngineInstallError, SourceUnreachableError
from runctl_auto.engine.install.exclusive import exclusive, remove_leftovers
from runctl_auto.engine.install.machine import Machine
from runctl_auto.engine.install.place import Place, engine_place, executable, is_complete, write_record
from runctl_auto.engine.install.stages import Progress, Stages, no_progress
from runctl_auto.engine.install.work_folder import WorkFolder, remove_tree, work_folder

Source = Literal["auto", "download", "build"]
How = Literal["download", "build"]


@dataclass(frozen=True)
class Installed:
    """An engine in ``root``. ``how`` and ``seconds`` are those of this call; ``how`` is None when
    ``was_there``."""

    root: Path
    version: str
    how: How | None
    seconds: float
    was_there: bool


def install(
    environ: Mapping[str, str],
    source: Source = "auto",
    progress: Progress = no_progress,
    machine: Machine | None = None,
) -> Installed:
    """Installs the pinned engine unless it is there. Idempotent; blocks for up to some minutes.

    Waits for another installation of the same version. An interruption (``KeyboardInterrupt``) ends all
    processes and removes all files of the installation. Raises ``EngineInstallError``.
    """
    machine = machine or Machine()
    place = engine_place(environ)
    stages = Stages(progress, machine.clock)
    if is_complete(place.root, place.version):
        return _was_there(place, stages)
    with (
        _typed_system_errors(place),
        exclusive(place, stages, machine.sleep, machine.process()),
    ):
        if is_complete(place.root, place.version):
            return _was_there(place, stages)
        remove_leftovers(place, machine.sleep)
        with work_folder(place, machine.sleep) as work:
            how = _Installation(place, work, environ, machine, stages).run(source)
            stages.enter("removing build files")
        return Installed(place.root, place.version, how, stages.seconds, was_there=False)


def _was_there(place: Place, stages: Stages) -> Installed:
    return Installed(place.root, place.version, None, stages.seconds, was_there=True)


class _Installation:
    """One installation, with the lock of ``place`` held."""

    def __init__(
        self, place: Place, work: WorkFolder, environ: Mapping[str, str], machine: Machine, stages: Stages
    ) -> None:
        self._place = place
        self._work = work
        self._environ = environ
        self._machine = machine
        self._stages = stages

    def run(self, source: Source) -> How:
        """Makes the engine, checks it and moves it into place."""
        how, details = self._made(source)
        self._check_version()
        seconds = round(self._stages.seconds, 1)
        write_record(self._work.root, self._place.version, {"how": how, "seconds": seconds, **details})
        self._move_into_place()
        return how

    def _made(self, source: Source) -> tuple[How, dict[str, str]]:
        if source == "build":
            return self._built()
        no_download = self._why_not_downloaded(source)
        if no_download is None:
            return "download", {}
        try:
            return self._built()
        except SourceUnreachableError as error:
            raise SourceUnreachableError(
                f"The Pulumi engine {self._place.version} can neither be downloaded nor built here.",
                where={"download": no_download, "build": error.what},
                next_step="Connect this machine, or set HTTPS_PROXY, GOPROXY and pip's index to hosts that "
                "it can reach, and repeat `runctl setup`.",
            ) from error

    def _why_not_downloaded(self, source: Source) -> str | None:
        """None when the download succeeded. With ``source`` download, a failure is raised."""
        archive = self._machine.archive()
        if archive is None:
            reason: str | None = (
                f"this version of runctl has no checksum of Pulumi {self._place.version} for it"
            )
        else:
            self._stages.enter(f"looking for {HOST}")
            reason = self._machine.why_out_of_reach(archive.url)
        if archive is not None and reason is None:
            return self._failure_of_download(archive, source)
        if source == "download":
            raise SourceUnreachableError(
                f"The Pulumi engine cannot be downloaded from {HOST}: {reason}.",
                where={"host": HOST},
                next_step="Check the connection and HTTPS_PROXY, or use `--source build`.",
            )
        return f"{HOST}: {reason}"

    def _failure_of_download(self, archive: Archive, source: Source) -> str | None:
        """None when it succeeded. With ``source`` download, a failure is raised."""
        try:
            official.download(
                self._work,
                self._place.version,
                archive,
                self._environ,
                machine=self._machine,
                stages=self._stages,
            )
        except EngineInstallError as error:
            if source == "download":
                raise
            remove_tree(self._work.root, self._machine.sleep)
            return error.what
        return None

    def _built(self) -> tuple[How, dict[str, str]]:
        go = build(self._work, self._place.version, self._environ, self._machine, self._stages)
        return "build", {"go": go}

    def _check_version(self) -> None:
        self._stages.enter("checking the engine")
        result = self._machine.run(
            [str(executable(self._work.root)), "version"],
            folder=self._work.path,
            environ={
                **self._environ,
                "PULUMI_HOME": str(self._work.folder("home")),
                "PULUMI_SKIP_UPDATE_CHECK": "true",
            },
            watch=lambda _line: self._stages.tick(),
        )
        printed = " ".join(result.output).strip()
        if result.code != 0 or printed != self._place.version:
            raise EngineInstallError(
                f"The new engine should print {self._place.version} as its version, and printed "
                f"'{printed}' (exit code {result.code}). It was not installed.",
                next_step="Repeat with the other `--source`.",
            )

    def _move_into_place(self) -> None:
        if os.path.lexists(self._place.root):
            self._place.root.rename(self._work.path / "incomplete")
        self._work.root.rename(self._place.root)


@contextmanager
def _typed_system_errors(place: Place) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(
                "The disk became full while the Pulumi engine was installed.",
                where={"folder": str(place.folder)},
                next_step="Free about 4 GB, or set XDG_DATA_HOME to a folder on a larger disk, and repeat.",
            ) from error
        raise EngineInstallError(
            f"The Pulumi engine could not be installed: {error}",
            where={"folder": str(place.folder)},
            next_step="Make the folder writable, or set XDG_DATA_HOME to one that is, and repeat.",
        ) from error

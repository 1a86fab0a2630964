"""Where a training tells its metrics: its output, ``$RUNCTL_METRICS``, tables and event files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.agent.metrics.document import Source
from runctl_auto.agent.metrics.event_file import EVENTS, EventFile
from runctl_auto.agent.metrics.growing_file import GrowingText
from runctl_auto.agent.metrics.lines import OutputReader
from runctl_auto.agent.metrics.metric_files import TABLE, ObjectsFile, TableFile
from runctl_auto.agent.metrics.record import Record

MOST_FILES = 32
"""Tables and event files that are read; of more, the newest."""
MOST_ENTRIES = 3000
"""Files and folders that are looked at."""
MOST_DEPTH = 6
MOST_OUTPUT = 512 * 1024
"""Bytes of the output that are read at once: 40 µs a line of it must not be felt by the training."""
LOGGING_FOLDERS = ("lightning_logs", "runs", "logs")
"""Folders of the work folder where trainers log unless they are told otherwise."""


@dataclass(frozen=True)
class TrainingPlaces:
    """Files and folders of the training. ``output`` is what it prints, ``objects`` is ``$RUNCTL_METRICS``."""

    output: Path
    objects: Path
    folders: tuple[Path, ...]


class TrainingSources:
    """Reads all of them. ``hide`` masks the job's secrets in a text."""

    def __init__(self, places: TrainingPlaces, hide: Callable[[str], str]) -> None:
        self._places = places
        self._hide = hide
        self._output = GrowingText(places.output, from_its_end=True, most=MOST_OUTPUT)
        self._lines = OutputReader()
        self._objects = ObjectsFile(places.objects)
        self._files: dict[Path, TableFile | EventFile] = {}

    def begin(self) -> None:
        """The training starts, or starts again: what was printed before is not its own."""
        self._output.to_its_end()
        self._lines = OutputReader()

    def records(self, *, final: bool = False) -> Iterator[tuple[str, Record]]:
        """What is new, with its source."""
        printed = self._output.new_lines(final=final).decode("utf-8", "replace")
        for record in self._lines.records(self._hide(printed)):
            yield Source.OUTPUT, record
        for record in self._objects.records(self._hide, final=final):
            yield Source.FILE, record
        for path in self._newest_files():
            file = self._files.setdefault(path, TableFile(path) if path.name == TABLE else EventFile(path))
            if isinstance(file, TableFile):
                for record in file.records(self._hide):
                    yield Source.CSV, record
            else:
                for record in file.records():
                    yield Source.TENSORBOARD, self._without_secrets(record)

    def _without_secrets(self, record: Record) -> Record:
        """A record whose names are not text of the job's yet."""
        values = {self._hide(name): value for name, value in record.values.items()}
        return Record(values, counter=record.counter, at=record.at, absolute=record.absolute)

    def _newest_files(self) -> list[Path]:
        """Tables and event files, the oldest first: a later one goes on where an earlier one ended."""
        found = dict.fromkeys(each for folder in self._places.folders for each in _metric_files(folder))
        timed = sorted((changed, path) for path, changed in ((path, _changed(path)) for path in found))
        return [path for _, path in timed[-MOST_FILES:]]


def _metric_files(folder: Path) -> Iterator[Path]:
    left, level = MOST_ENTRIES, [folder]
    for _ in range(MOST_DEPTH):
        below: list[Path] = []
        for each in level:
            try:
                with os.scandir(each) as entries:
                    for entry in entries:
                        left -= 1
                        if left < 0:
                            return
                        if entry.is_dir(follow_symlinks=False):
                            below.append(Path(entry.path))
                        elif entry.name == TABLE or EVENTS in entry.name:
                            yield Path(entry.path)
            except OSError:
                continue
        level = below


def _changed(path: Path) -> float:
    try:
        return os.lstat(path).st_mtime
    except OSError:
        return 0.0

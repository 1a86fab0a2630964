"""Pulumi's store of a project's stacks, read without an engine: the one place that knows its layout.

Understood is what Pulumi writes to ``file://`` and ``s3://`` with project-scoped stacks, compressed with gzip
or not.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from runctl_auto.backend import checkpoints, history
from runctl_auto.backend.attributes import remove_unreadable
from runctl_auto.backend.checkpoints import StackSummary, checkpoint_files, parse_checkpoint, summary
from runctl_auto.backend.documents import parse_document, plain_content
from runctl_auto.backend.files import (
    ROOT,
    UNREADABLE,
    BackendFiles,
    OpenObjects,
    StoredFile,
    backend_folder,
    open_files,
)
from runctl_auto.backend.history import (
    HistoryRecord,
    newest_of_each,
    parse_record,
    plain_config,
    record_files,
)
from runctl_auto.backend.kept_summaries import KeptSummaries, NothingKept
from runctl_auto.backend.locks import Lock, parse_lock
from runctl_auto.backend.versions import VersionedFiles
from runctl_auto.errors import NotSupportedError
from runctl_auto.stack.state import StackState, parse_state

Result = TypeVar("Result")

_LOCKS = "locks/organization"
_LOCK = ".json"
_META = "meta.yaml"
_OWN = "runctl"
"""The folder of runctl's own documents, in which Pulumi does not look."""
_DOCUMENT = ".json"
_PROJECT_SCOPED = re.compile(rb"^version:\s*[1-9]", re.MULTILINE)


class Backend:
    """The stacks of one project in the backend at ``url``.

    ``files`` gives access to what it holds, or is the reason why only an engine can read it.

    What reads answers None when the engine has to be asked: the backend is of another kind, cannot be
    reached, or holds what is not understood. Locks raise instead. Every method blocks.
    """

    def __init__(
        self,
        url: str,
        project: str,
        files: BackendFiles | NotSupportedError,
    ) -> None:
        self.url = url
        self._project = project
        self._opened = files

    @property
    def is_readable(self) -> bool:
        """Whether backends of this kind are read without an engine. Asks nobody."""
        return self._files is not None

    @property
    def _files(self) -> BackendFiles | None:
        return None if isinstance(self._opened, NotSupportedError) else self._opened

    @property
    def folder(self) -> Path | None:
        """The folder that a ``file://`` backend is; None for others."""
        return backend_folder(self.url)

    @property
    def versioned_files(self) -> VersionedFiles | None:
        """What claims are kept in; None where only an engine writes."""
        return self._files

    def repair(self, stack: str) -> bool:
        """Makes the files of a stack readable again that a killed engine left unreadable; whether there were
        any. Only backends in folders have such files. Raises OSError when that fails."""
        folder = self.folder
        return folder is not None and bool(remove_unreadable(folder / ROOT, self._project, stack))

    def stack_names(self) -> tuple[str, ...] | None:
        """The names of all stacks, sorted."""
        return self._attempt(lambda files: tuple(self._checkpoints(files)))

    def stacks(self, kept: KeptSummaries | None = None) -> tuple[StackSummary, ...] | None:
        """All stacks, by name; of those that ``kept`` knows the checkpoints are not read."""
        return self._attempt(lambda files: tuple(self._summaries(files, kept or NothingKept())))

    def versions(self) -> dict[str, str] | None:
        """What changes whenever a stack's state is written, by the stack's name; one list request."""
        return self._attempt(
            lambda files: {
                stack: file.written_at.isoformat() for stack, file in self._checkpoints(files).items()
            }
        )

    def state(self, stack: str) -> StackState | None:
        """A stack's state; None too when there is no such stack."""

        def read(files: BackendFiles) -> StackState:
            file = self._checkpoints(files, f"{stack}.json")[stack]
            return _state(files.read(file.path))

        return self._attempt(read)

    def states(self, stacks: Sequence[str]) -> dict[str, StackState]:
        """The states of many stacks by name; without those that the engine has to be asked for."""
        if self._files is None:
            return {}
        files = self._files
        held = self._attempt(self._checkpoints) or {}
        wanted = [stack for stack in stacks if stack in held]
        contents = files.read_all(held[stack].path for stack in wanted)
        found: dict[str, StackState] = {}
        for stack, content in zip(wanted, contents, strict=True):
            try:
                found[stack] = _state(content)
            except UNREADABLE:
                continue
        return found

    def config(self, stack: str) -> dict[str, str] | None:
        """The plain values that the stack's last operation was given, by full key; None too without one."""

        def read(files: BackendFiles) -> dict[str, str]:
            newest = self._records(files, stack)[0]
            return plain_config(parse_document(files.read(newest.path)))

        return self._attempt(read)

    def history(self, stack: str) -> tuple[HistoryRecord, ...] | None:
        """The stack's operations back to the last update that succeeded, newest first; what came before
        that is not read."""

        def read(files: BackendFiles) -> tuple[HistoryRecord, ...]:
            found: list[HistoryRecord] = []
            for file in self._records(files, stack):
                found.append(parse_record(parse_document(files.read(file.path))))
                if found[-1].is_complete_update:
                    break
            return tuple(found)

        return self._attempt(read)

    def newest_records(self) -> dict[str, HistoryRecord] | None:
        """The newest operation of every stack by the stack's name; without stacks that had none, or whose
        record is not understood. One list request, and one for each stack, several at a time."""

        def read(files: BackendFiles) -> dict[str, HistoryRecord]:
            folder = f"{history.FOLDER}/{self._project}"
            newest = newest_of_each(files.find(folder), folder)
            contents = files.read_all(file.path for file in newest.values())
            found: dict[str, HistoryRecord] = {}
            for stack, content in zip(newest, contents, strict=True):
                with suppress(*UNREADABLE):
                    found[stack] = parse_record(parse_document(content))
            return found

        return self._attempt(read)

    def newest_record(self, stack: str) -> str | None:
        """The name of the newest record of the stack's history; None too without one."""
        return self._attempt(lambda files: self._records(files, stack)[0].name)

    def locks(self, stack: str) -> tuple[Lock, ...]:
        """The locks on a stack, by the names of their files.

        Raises ``NotSupportedError`` where only the engine can remove them, ``CloudError`` and ``OSError``
        when they cannot be read now.
        """
        files = self._files_of_locks(stack)
        return tuple(
            Lock(files.address(file.path), parse_lock(content), file.path)
            for file in files.find(f"{_LOCKS}/{self._project}/{stack}")
            if file.path.endswith(_LOCK) and (content := files.read(file.path)) is not None
        )

    def remove_lock(self, lock: Lock) -> None:
        """Removes one lock, not those taken meanwhile. Idempotent; stops nobody. Raises as ``locks``."""
        self._files_of_locks(lock.stack).remove(lock.path)

    def documents(self, folder: str) -> dict[str, bytes] | None:
        """Documents of runctl's own that are kept beside the stacks, by name."""

        def read(files: BackendFiles) -> dict[str, bytes]:
            found = [each.path for each in files.find(self._own(folder)) if each.name.endswith(_DOCUMENT)]
            contents = zip(found, files.read_all(found), strict=True)
            start = len(self._own(folder)) + 1
            return {path[start:]: content for path, content in contents if content is not None}

        return self._attempt(read)

    def document(self, folder: str, name: str) -> bytes | None:
        """One document of runctl's own; None too when there is none."""
        return self._attempt(lambda files: files.read(f"{self._own(folder)}/{name}"))

    def keep_document(self, folder: str, name: str, content: bytes) -> bool:
        """Writes a document of runctl's own, named ``*.json``; an earlier one is replaced. False where only
        an engine reaches the backend. Raises ``OSError`` or ``CloudError``.
        """
        if self._files is not None:
            self._files.write(f"{self._own(folder)}/{name}", content)
        return self._files is not None

    def _own(self, folder: str) -> str:
        return f"{_OWN}/{self._project}/{folder}"

    def _files_of_locks(self, stack: str) -> BackendFiles:
        if not isinstance(self._opened, NotSupportedError):
            return self._opened
        cancel = f"`pulumi cancel -s {stack}` removes the locks; `runctl env {stack}` prints what it needs."
        raise NotSupportedError(
            self._opened.what,
            where={"job": stack, "backend": self.url},
            next_step=" ".join(filter(None, (self._opened.next_step, cancel))),
        ) from self._opened

    def _attempt(self, read: Callable[[BackendFiles], Result]) -> Result | None:
        if self._files is None:
            return None
        try:
            return read(self._files)
        except UNREADABLE:
            return None

    def _checkpoints(self, files: BackendFiles, prefix: str = "") -> dict[str, StoredFile]:
        return checkpoint_files(files.find(f"{checkpoints.FOLDER}/{self._project}", prefix))

    def _records(self, files: BackendFiles, stack: str) -> list[StoredFile]:
        return record_files(files.find(f"{history.FOLDER}/{self._project}/{stack}"))

    def _summaries(self, files: BackendFiles, kept: KeptSummaries) -> Iterator[StackSummary]:
        found = self._checkpoints(files)
        if not found and not _PROJECT_SCOPED.search(files.read(_META) or b""):
            raise ValueError("no store with project-scoped stacks")
        busy = self._locked_stacks(files)
        known = {stack: kept.find(stack, file) for stack, file in found.items()}
        contents = files.read_all(file.path for stack, file in found.items() if known[stack] is None)
        for stack, file in found.items():
            told = known[stack]
            if told is None:
                told = summary(stack, file, next(contents), busy=stack in busy)
                kept.keep(file, told)
            yield replace(told, busy=stack in busy)

    def _locked_stacks(self, files: BackendFiles) -> frozenset[str]:
        folder = f"{_LOCKS}/{self._project}"
        locks = (file.path.removeprefix(f"{folder}/") for file in files.find(folder))
        return frozenset(lock.partition("/")[0] for lock in locks if lock.endswith(_LOCK))


def open_backend(url: str, project: str, open_objects: OpenObjects | None = None) -> Backend:
    """The backend at ``url``. Reads nothing yet; without ``open_objects`` no bucket is ever asked."""
    try:
        return Backend(url, project, open_files(url, open_objects))
    except NotSupportedError as reason:
        return Backend(url, project, reason)


def _state(content: bytes | None) -> StackState:
    plain = plain_content(content)
    return replace(parse_state(parse_checkpoint(plain) or {}), version=hashlib.sha256(plain).hexdigest())

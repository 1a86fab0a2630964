"""Looks at a folder of job files and at the backend, and decides what becomes of every job; no engine works.

The files are read and hashed here, stacks and statuses are asked for in bulk. What an engine has to plan or
to change is ordered (``Order``); all else is decided.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from runctl_auto.cost.estimate import estimate
from runctl_auto.engine.events import PlannedChange
from runctl_auto.errors import PackagingError, ProtectedError, RunctlError
from runctl_auto.job_file.document import MAX_BYTES
from runctl_auto.jobs.check import CheckedJob
from runctl_auto.jobs.fingerprint import fingerprint
from runctl_auto.jobs.folder.changed_since import ChangedFiles, changed_since
from runctl_auto.jobs.folder.entry import Entry, OtherFile, Removed, failure_of
from runctl_auto.jobs.folder.job_files import FoundFile, JobFiles, read_job_files
from runctl_auto.jobs.folder.options import FolderOptions
from runctl_auto.jobs.folder.order import Order
from runctl_auto.jobs.folder.repository import Repository, repository_of
from runctl_auto.jobs.folder.stacks import (
    KnownStack,
    known_stacks,
    with_machines,
    with_runs,
    with_states,
)
from runctl_auto.jobs.folder.verdict import REFRESHED, Verdict, by_file, by_run, may_have_lost_machine
from runctl_auto.jobs.folder.work_folders import WorkFolders
from runctl_auto.jobs.material import travelling
from runctl_auto.jobs.permitted import refuse_disabled_provider
from runctl_auto.jobs.reporting import PATIENCE_SECONDS
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.teardown.protected import teardown_protection
from runctl_auto.local.plain_file import NotAPlainFileError, read_plain_file
from runctl_auto.stack.source import Source
from runctl_auto.stack.state import GROUP, MACHINES, StackState


@dataclass(frozen=True, kw_only=True)
class Looked:
    """``orders`` are of all entries whose job is known, also those with nothing to do; ``errors`` are entries
    of files that name no job, or that are wrong."""

    files: JobFiles
    repository: Repository
    orders: tuple[Order, ...]
    errors: tuple[Entry, ...]
    removed: tuple[Removed, ...] = ()
    left_aside: int = 0
    notes: tuple[str, ...] = ()
    hashes: Mapping[str, str] = field(default_factory=dict)
    """Of all files of jobs that were looked at, also invalid ones, by name."""

    @property
    def others(self) -> tuple[OtherFile, ...]:
        return self.files.others


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """A valid job of the folder. ``fingerprint`` is of what applying it means."""

    found: FoundFile
    checked: CheckedJob
    source: Source
    code: str
    fingerprint: str


def look_at_folder(session: Session, folder: Path, options: FolderOptions) -> Looked:
    """What becomes of every job of ``folder``. Changes nothing. Blocks.

    Raises ``UsageError`` when there is no such folder. What is wrong with one file hides no other.
    """
    return _Look(session, folder.resolve(), options).all()


class _Look:
    def __init__(self, session: Session, folder: Path, options: FolderOptions) -> None:
        self._session = session
        self._folder = folder
        self._options = options
        self._repository = repository_of(folder)
        self._work_folders = WorkFolders()
        self._aside = 0
        self._hashes: dict[str, str] = {}
        self._changed: ChangedFiles | None = None

    def all(self) -> Looked:
        working = partial(self._session.reporter.working, after=PATIENCE_SECONDS)
        with working("reading the job files"):
            self._changed = self._changed_files()
            files = self._files()
            wanted, errors = self._wanted(files)
        with working("reading the stacks"):
            known = known_stacks(self._session)
            orders = [*self._orders(wanted, known)]
        removed = [*self._removed(files, known)]
        pruned = [*self._pruned(removed, known)] if self._options.prune else []
        return Looked(
            files=files,
            repository=self._repository,
            orders=tuple(sorted([*orders, *pruned], key=lambda each: each.job)),
            errors=tuple(errors),
            removed=() if self._options.prune else tuple(removed),
            left_aside=self._aside,
            notes=tuple(_unrecorded(files, known)),
            hashes=self._hashes,
        )

    def _files(self) -> JobFiles:
        root = self._session.folders.root
        return read_job_files(
            self._folder, self._work_folders.check, policies=root / self._session.settings.policies.file
        )

    def _changed_files(self) -> ChangedFiles | None:
        reference = self._options.changed_since
        if reference is None:
            return None
        settings, root = self._session.settings, self._session.folders.root
        return changed_since(reference, self._repository, root, settings.policies.file)

    def _is_looked_at(self, found: FoundFile) -> bool:
        if not self._options.matches(found.job, found.name):
            return False
        work_folder = found.checked.work_folder.path if found.checked is not None else None
        return self._changed is None or self._changed.concerns(found.path, work_folder)

    def _wanted(self, files: JobFiles) -> tuple[list[_Wanted], list[Entry]]:
        wanted: list[_Wanted] = []
        errors: list[Entry] = []
        for found in files.files:
            if not self._is_looked_at(found):
                self._aside += 1
                continue
            self._hashes[found.name] = _sha256(found.path)
            try:
                wanted.append(self._hashed(found))
            except RunctlError as error:
                errors.append(_wrong(found, error))
        return wanted, errors

    def _hashed(self, found: FoundFile) -> _Wanted:
        if found.error is not None or found.checked is None:
            raise found.error or AssertionError(found.name)
        checked, session = found.checked, self._session
        refuse_disabled_provider(checked.spec, session.settings)
        code = self._work_folders.code(travelling(session, checked.work_folder))
        source = self._repository.source(found.path)
        return _Wanted(
            found=found,
            checked=checked,
            source=source,
            code=code,
            fingerprint=fingerprint(session, checked.spec, code, source),
        )

    def _orders(self, wanted: Sequence[_Wanted], known: Mapping[str, KnownStack]) -> Iterator[Order]:
        session, adopt = self._session, self._options.adopt
        names = [each.checked.spec.name for each in wanted]
        stacks = {
            each.name: each for each in with_states(session, [known[name] for name in names if name in known])
        }
        verdicts: dict[str, Verdict] = {}
        for each in wanted:
            name = each.checked.spec.name
            verdict = by_file(stacks.get(name), fingerprint=each.fingerprint, source=each.source, adopt=adopt)
            if verdict is not None:
                verdicts[name] = verdict
        applied = [stacks[name] for name in names if name not in verdicts]
        session.reporter.progress(f"{len(applied)} statuses")
        now = session.time.now()
        runs = {each.name: each for each in with_runs(session, applied)}
        silent = [each for each in runs.values() if may_have_lost_machine(each, now)]
        runs |= {each.name: each for each in with_machines(session, silent)}
        for each in wanted:
            name = each.checked.spec.name
            verdict = verdicts.get(name) or by_run(runs[name], now)
            if self._options.refresh and verdict.action in ("unchanged", "finished"):
                verdict = REFRESHED
            yield self._order(each, verdict, runs.get(name) or stacks.get(name))

    def _order(self, wanted: _Wanted, verdict: Verdict, known: KnownStack | None) -> Order:
        config = known.config if known is not None else None
        has_ended = known is not None and known.status is not None and known.status.ended
        now = None if config is None else estimate(config, ended=has_ended)
        is_decided = not verdict.needs_engine or verdict.action in ("finished", "bring-back")
        entry = Entry(
            action=verdict.action,
            reason=verdict.reason,
            job=wanted.checked.spec.name,
            file=wanted.found.name,
            run=config.run.id if config is not None and is_decided else None,
            changes=_release(known.state) if verdict.action == "finished" and known and known.state else (),
            placement=config.placement if config is not None and is_decided else None,
            cost=now if is_decided else None,
            cost_before=now,
            notes=verdict.notes,
            error=None if verdict.error is None else failure_of(verdict.error),
        )
        return Order(
            entry=entry,
            path=wanted.found.path,
            source=wanted.source,
            code=wanted.code,
            fingerprint=wanted.fingerprint,
            state=_version(known),
            needs_file=config is not None and config.group is not None,
            refresh=self._options.refresh,
            grace_seconds=self._options.grace_seconds,
        )

    def _removed(self, files: JobFiles, known: Mapping[str, KnownStack]) -> Iterator[Removed]:
        """Jobs that were applied from files of this folder that are gone. A file that is there and cannot be
        read may still be theirs."""
        here = self._repository.below(self._folder)
        jobs = {each.job for each in files.files if each.job is not None}
        unread = {self._repository.source(each.path).file for each in files.files if each.job is None}
        for name, stack in known.items():
            source = stack.source
            if source is None or source.repository != self._repository.name or not source.is_below(here):
                continue
            file = source.file if here == "." else source.file.removeprefix(f"{here}/")
            if name in jobs or source.file in unread or not self._options.matches(name, file):
                continue
            if self._changed is not None and not self._changed.concerns_removed(source):
                continue
            yield Removed(name, file)

    def _pruned(self, removed: Sequence[Removed], known: Mapping[str, KnownStack]) -> Iterator[Order]:
        stacks = {
            each.name: each for each in with_states(self._session, [known[each.job] for each in removed])
        }
        for each in removed:
            yield Order(
                entry=self._destroy(each, stacks[each.job]),
                source=stacks[each.job].source,
                state=_version(stacks[each.job]),
                grace_seconds=self._options.grace_seconds,
                discard_artifacts=self._options.discard_artifacts,
            )

    def _destroy(self, removed: Removed, known: KnownStack) -> Entry:
        error = _protected(self._session, known)
        return Entry(
            action="destroy" if error is None else "refused",
            reason="its file is gone"
            if error is None
            else "its file is gone, and it holds what is protected",
            job=removed.job,
            file=removed.file,
            run=known.config.run.id if known.config else None,
            cost_before=estimate(known.config) if known.config else None,
            cost=None if error is None or known.config is None else estimate(known.config),
            error=None if error is None else failure_of(error),
        )


def _version(known: KnownStack | None) -> str | None:
    return known.state.version if known is not None and known.state is not None else None


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(read_plain_file(path, MAX_BYTES)).hexdigest()
    except NotAPlainFileError as error:
        return f"unreadable: {error.complaint}"


def _unrecorded(files: JobFiles, known: Mapping[str, KnownStack]) -> Iterator[str]:
    """What is told of stacks of which nothing here says where their jobs came from."""
    jobs = {each.job for each in files.files}
    for name, stack in known.items():
        if stack.config is None and name not in jobs:
            yield (
                f"job '{name}' has a stack and no history: its first update goes on, or was killed; `runctl "
                f"down {name}` removes it"
            )


def _wrong(found: FoundFile, error: RunctlError) -> Entry:
    return Entry(
        action="invalid", reason=_in_short(error), job=found.job, file=found.name, error=failure_of(error)
    )


def _in_short(error: RunctlError) -> str:
    return (
        "its work folder cannot be packaged" if isinstance(error, PackagingError) else error.what.rstrip(".")
    )


def _release(state: StackState) -> tuple[PlannedChange, ...]:
    """What releasing the machine of an ended run deletes."""
    return tuple(
        PlannedChange("delete", each.type, each.name, each.urn, protected=each.protect)
        for each in state.in_cloud()
        if each.type in (*MACHINES, GROUP)
    )


def _protected(session: Session, known: KnownStack) -> RunctlError | None:
    """Why a job whose file is gone is not ended; None when nothing of it is protected."""
    if known.state is None:
        return known.problem
    kept = teardown_protection(session, known.name, known.state, ()).kept(known.state)
    if not kept:
        return None
    return ProtectedError(
        f"Job '{known.name}' is not ended, since it holds what is protected: {'; '.join(kept)}.",
        where={"job": known.name},
        next_step=f"`runctl unprotect {known.name} ...` first, or `runctl down {known.name}`, which deletes "
        "all else.",
    )

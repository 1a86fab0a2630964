"""The job files of a folder: every YAML file below it is a job, something else that is told, or an error."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runctl_auto.errors import JobFileError, RunctlError, UsageError
from runctl_auto.job_file.document import MAX_BYTES, NO_MAPPING, JobDocument, read_job_document
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.jobs.check import CheckedJob
from runctl_auto.jobs.folder.entry import OtherFile
from runctl_auto.local.plain_file import NotAPlainFileError, read_plain_file
from runctl_auto.packaging.fetched_results import is_fetched_result
from runctl_auto.packaging.ignore_rules import IgnoreFile, last_verdict, read_ignore_file
from runctl_auto.packaging.work_files import NEVER, RUNCTL_IGNORE, UNSPOKEN

SUFFIXES = (".yaml", ".yml")
_FIELDS = frozenset(JobSpec.model_fields)
_MOST_FILES = 20_000

_KNOWN_TEXTS = (
    (
        re.compile(rb"^apiVersion:", re.MULTILINE),
        re.compile(rb"^kind:", re.MULTILINE),
        "a Kubernetes manifest",
    ),
    (
        re.compile(rb"^jobs:", re.MULTILINE),
        re.compile(rb"^[\"']?on[\"']?:", re.MULTILINE),
        "a GitHub workflow",
    ),
    (re.compile(rb"^services:", re.MULTILINE), re.compile(rb""), "a Compose file"),
    (
        re.compile(rb"^channels:", re.MULTILINE),
        re.compile(rb"^dependencies:", re.MULTILINE),
        "a conda environment",
    ),
    (
        re.compile(rb"^repos:", re.MULTILINE),
        re.compile(rb"^\s*-?\s*repo:", re.MULTILINE),
        "hooks for pre-commit",
    ),
)
_KNOWN_NAMES = (
    (re.compile(r"Pulumi(\..+)?\.ya?ml"), "settings of Pulumi"),
    (re.compile(r"\.gitlab-ci\.ya?ml"), "a GitLab pipeline"),
    (re.compile(r"PulumiPolicy\.ya?ml"), "a policy pack of Pulumi"),
)

Check = Callable[[Path, JobDocument], CheckedJob]


@dataclass(frozen=True, kw_only=True)
class FoundFile:
    """A file that describes a job, or should. ``name`` is relative to the folder, with slashes; ``path`` is
    absolute. ``job`` is its name, None when that cannot be read; ``error`` is what is wrong."""

    name: str
    path: Path
    job: str | None = None
    checked: CheckedJob | None = None
    error: RunctlError | None = None


@dataclass(frozen=True, kw_only=True)
class JobFiles:
    """All that was found, sorted by name."""

    folder: Path
    files: tuple[FoundFile, ...]
    others: tuple[OtherFile, ...] = ()


def find_files(folder: Path) -> tuple[tuple[str, ...], tuple[OtherFile, ...]]:
    """The names of all YAML files below ``folder`` that no ``.runctlignore`` leaves out, and those left out.

    Raises ``UsageError`` when it is no folder. Links to folders are not followed.
    """
    if not folder.is_dir():
        raise UsageError(
            f"{folder} is not a folder.",
            where={"path": str(folder)},
            next_step="Name a folder of job files; `runctl up JOB.yaml` applies one file.",
        )
    names: list[str] = []
    left_out: list[OtherFile] = []
    remaining: list[tuple[str, tuple[IgnoreFile, ...]]] = [("", ())]
    while remaining:
        below, rules = remaining.pop()
        own = read_ignore_file(folder / below / RUNCTL_IGNORE, os.fsencode(below), f"{below}{RUNCTL_IGNORE}")
        rules = (own, *rules) if own else rules
        for entry in _entries(folder / below):
            name = f"{below}{entry.name}"
            is_folder = entry.is_dir(follow_symlinks=False)
            if is_folder and _is_never_walked(entry):
                continue
            if not is_folder and not entry.name.endswith(SUFFIXES):
                continue
            verdict = last_verdict(rules, os.fsencode(name), os.fsencode(entry.name), is_folder)
            if verdict is not None and not verdict.keeps:
                left_out.append(OtherFile(f"{name}/" if is_folder else name, f"left out by {verdict}"))
            elif is_folder:
                remaining.append((f"{name}/", rules))
            else:
                names.append(name)
        if len(names) > _MOST_FILES:
            raise UsageError(
                f"{folder} holds more than {_MOST_FILES} YAML files.",
                where={"path": str(folder)},
                next_step=f"Name what holds no jobs in a {RUNCTL_IGNORE}, or apply a smaller folder.",
            )
    return tuple(sorted(names)), tuple(sorted(left_out, key=lambda each: each.file))


def read_job_files(
    folder: Path,
    check: Check,
    *,
    policies: Path | None = None,
    is_wanted: Callable[[str], bool] = lambda _name: True,
) -> JobFiles:
    """The job files below ``folder``, each checked by ``check``; ``policies`` is the project's file of
    policies. Of names that are not wanted only the job's name is read. One bad file hides no other."""
    names, left_out = find_files(folder)
    files: list[FoundFile] = []
    others = list(left_out)
    for name in names:
        found = _read(folder, name, check, policies, is_wanted)
        if isinstance(found, OtherFile):
            others.append(found)
        else:
            files.append(found)
    return JobFiles(
        folder=folder,
        files=tuple(_without_twins(files)),
        others=tuple(sorted(others, key=lambda each: each.file)),
    )


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        return sorted(os.scandir(folder), key=lambda entry: entry.name, reverse=True)
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be read: {error.strerror or error}",
            where={"path": str(folder)},
            next_step=f"Make it readable, or name it in a {RUNCTL_IGNORE}.",
        ) from error


def _is_never_walked(entry: os.DirEntry[str]) -> bool:
    return entry.name in UNSPOKEN or entry.name in NEVER or is_fetched_result(Path(entry.path))


def _read(  # noqa: PLR0911 - one for each kind of file
    folder: Path, name: str, check: Check, policies: Path | None, is_wanted: Callable[[str], bool]
) -> FoundFile | OtherFile:
    path = folder / name
    what = _known_kind(path, policies)
    if what is not None:
        return OtherFile(name, what)
    try:
        document = read_job_document(path)
    except JobFileError as error:
        if any(each.message == NO_MAPPING for each in error.problems):
            return OtherFile(name, "no job: a list or a text, not a mapping of fields")
        return FoundFile(name=name, path=path, error=error)
    values = document.values
    if not _is_job(values):
        return OtherFile(name, "no job: it has neither `run` nor a `name` with other fields of a job")
    job = values.get("name")
    found = FoundFile(name=name, path=path, job=job if isinstance(job, str) else None)
    if not is_wanted(name):
        return found
    try:
        checked = check(path, document)
    except RunctlError as error:
        return replace(found, error=error)
    return replace(found, job=checked.spec.name, checked=checked)


def _known_kind(path: Path, policies: Path | None) -> str | None:
    """What a file is that is known to be no job; None when it may be one."""
    if policies is not None and path.resolve() == policies.resolve():
        return "the project's policies"
    named = next((what for pattern, what in _KNOWN_NAMES if pattern.fullmatch(path.name)), None)
    if named is not None:
        return named
    try:
        content = read_plain_file(path, MAX_BYTES)
    except NotAPlainFileError:
        return None
    for first, second, what in _KNOWN_TEXTS:
        if first.search(content) and second.search(content):
            return what
    return "an empty file" if not content.strip() else None


def _is_job(values: Mapping[str, Any]) -> bool:
    return "run" in values or ("name" in values and len(_FIELDS.intersection(values)) > 1)


def _without_twins(files: list[FoundFile]) -> Iterator[FoundFile]:
    """The files; those that describe the same job are an error of each."""
    by_job: dict[str, list[FoundFile]] = {}
    for each in files:
        if each.job is not None:
            by_job.setdefault(each.job, []).append(each)
    for each in files:
        twins = [other.name for other in by_job.get(each.job or "", ()) if other is not each]
        yield replace(each, checked=None, error=_twice(each, twins)) if twins else each


def _twice(file: FoundFile, others: list[str]) -> JobFileError:
    return JobFileError(
        f"Job '{file.job}' is described by several files: {', '.join(sorted([file.name, *others]))}.",
        where={"file": str(file.path), "job": file.job or "", "field": "name"},
        next_step="Give each its own name, or remove all but one.",
    )

"""Which files of a work folder are packaged: the folder is walked once and passed as a value.

Excluded are files matched by ``.gitignore`` files (in the folder, below it, and above it up to the
repository's root), by ``.runctlignore`` files with the same syntax, and files that are never code.
"""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath, PurePosixPath

from pathspec import GitIgnoreSpec

from runctl_auto.errors import PackagingError

IGNORE_FILES = (".gitignore", ".runctlignore")
MAX_FILES = 100_000
NEVER = frozenset({".git", ".runctl", ".venv", "__pycache__"})
NEVER_ON_TOP = frozenset({"runs"})


@dataclass(frozen=True)
class WorkFile:
    """A file or symbolic link to package: ``name`` is relative with slashes; ``link`` is a link's target."""

    name: str
    path: Path
    size: int
    link: str | None = None


@dataclass(frozen=True)
class WorkFolder:
    """A work folder as it was walked. ``files`` are those to package, sorted by name."""

    path: Path
    files: tuple[WorkFile, ...]

    def without(self, part: PurePath) -> WorkFolder:
        """The same folder without the file or folder ``part``, which is relative to it.

        The folder itself cannot be excluded.
        """
        if part == PurePath():
            return self
        files = (file for file in self.files if not PurePosixPath(file.name).is_relative_to(part.as_posix()))
        return replace(self, files=tuple(files))


@dataclass(frozen=True)
class _Rules:
    """The ignore rules of one folder, with that folder's name relative to the outermost one."""

    folder: str
    spec: GitIgnoreSpec


def walk_work_folder(folder: Path) -> WorkFolder:
    """Walks ``folder``, excluding what its ignore files match. Blocks while it reads the folders.

    Raises PackagingError for more than ``MAX_FILES`` files, for a symbolic link that leads out of the folder,
    for anything but files, folders and links, and for unreadable paths.
    """
    folder = folder.resolve()
    outermost = _outermost_ignoring_folder(folder)
    prefix = PurePosixPath(folder.relative_to(outermost).as_posix())
    rules: list[_Rules] = []
    for part in reversed([prefix, *prefix.parents][1:] if prefix != PurePosixPath() else []):
        rules.extend(_rules_of(outermost / part, str(part)))
    walk = _walk(folder, folder, "" if prefix == PurePosixPath() else f"{prefix}/", rules)
    found = list(itertools.islice(walk, MAX_FILES + 1))
    if len(found) > MAX_FILES:
        raise PackagingError(
            f"the work folder {folder} holds more than {MAX_FILES} files",
            where={"path": str(folder)},
            next_step="Choose a smaller workdir, or name what training does not need in .runctlignore.",
        )
    return WorkFolder(folder, tuple(sorted(found, key=lambda file: os.fsencode(file.name))))


def _outermost_ignoring_folder(folder: Path) -> Path:
    return next((above for above in (folder, *folder.parents) if (above / ".git").exists()), folder)


def _walk(top: Path, folder: Path, prefix: str, rules: Sequence[_Rules]) -> Iterator[WorkFile]:
    """``prefix`` is the folder's name, with a slash, as matched by ignore rules of the outermost folder."""
    inner = [*rules, *_rules_of(folder, prefix.rstrip("/"))]
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise _unreadable(folder, error) from error
    for entry in entries:
        path = Path(entry.path)
        is_folder = entry.is_dir(follow_symlinks=False)
        if entry.name in NEVER or (entry.name in NEVER_ON_TOP and folder == top):
            continue
        seen_as = f"{prefix}{entry.name}{'/' if is_folder else ''}"
        if _ignored(seen_as, inner):
            continue
        if is_folder:
            yield from _walk(top, path, seen_as, inner)
        else:
            yield _work_file(top, path)


def _rules_of(folder: Path, name: str) -> Iterator[_Rules]:
    for ignore_file in IGNORE_FILES:
        path = folder / ignore_file
        if path.is_file() and not path.is_symlink():  # as git: a link may lead out of the project
            try:
                lines = path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
            except OSError as error:
                raise _unreadable(path, error) from error
            yield _Rules("" if name in ("", ".") else f"{name}/", GitIgnoreSpec.from_lines(lines))


def _ignored(name: str, rules: Sequence[_Rules]) -> bool:
    """Git's rule: the last matching pattern decides; inner files take precedence."""
    for rule in reversed(rules):
        verdict = rule.spec.check_file(name[len(rule.folder) :]).include
        if verdict is not None:
            return verdict
    return False


def _work_file(top: Path, path: Path) -> WorkFile:
    name = path.relative_to(top).as_posix()
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        target = str(path.readlink())
        _refuse_link_that_leads_out(top, path, target)
        return WorkFile(name, path, 0, target)
    if not stat.S_ISREG(status.st_mode):
        raise PackagingError(
            f"{name} is neither a file nor a folder nor a link and cannot travel",
            where={"path": str(path)},
            next_step="Remove it, or name it in .runctlignore.",
        )
    return WorkFile(name, path, status.st_size)


def _refuse_link_that_leads_out(top: Path, path: Path, target: str) -> None:
    lexical = Path(os.path.normpath(path.parent / target))
    real = path.parent.joinpath(target).resolve()
    inside = not Path(target).is_absolute() and lexical.is_relative_to(top) and real.is_relative_to(top)
    if not inside:
        raise PackagingError(
            f"{path.relative_to(top)} is a link that leads out of the work folder, to {target}",
            where={"path": str(path)},
            next_step="Copy what it points to into the work folder, make the link relative, or name it "
            "in .runctlignore.",
        )


def _unreadable(path: Path, error: OSError) -> PackagingError:
    return PackagingError(
        f"{path} cannot be read: {error.strerror or error}",
        where={"path": str(path)},
        next_step="Make it readable, or name it in .runctlignore.",
    )

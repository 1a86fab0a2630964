"""What is known of a git repository: which files it tracks or would take, and its excludes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runctl_auto.local.git_index import UnreadableIndexError
from runctl_auto.local.plain_file import NotAPlainFileError, read_plain_file
from runctl_auto.packaging.git_config import config_folder, expanded, global_settings, read_git_config
from runctl_auto.packaging.git_index import tracked_names
from runctl_auto.packaging.git_listing import Git, GitFailedError
from runctl_auto.packaging.ignore_rules import IgnoreFile, parse_rules

_MOST_INDEX_BYTES = 1 << 30
_MOST_EXCLUDES_BYTES = 16 << 20


@dataclass(frozen=True)
class Repository:
    """``known`` are names relative to the work folder: all that git takes if it ``was_asked``, else what the
    repository tracks. ``excludes`` are its own and the person's, the higher precedence first.
    """

    was_asked: bool
    known: frozenset[str]
    folders: frozenset[str]
    excludes: tuple[IgnoreFile, ...]


class Repositories:
    """Reads repositories. ``notes`` are sentences on what could not be read; ``git`` is None without git."""

    def __init__(self, git: Git | None, environ: Mapping[str, str]) -> None:
        self._git = git
        self._environ = environ
        self._home = Path(environ.get("HOME") or Path.home())
        self._settings: dict[str, str] | None = None
        self.notes: list[str] = []

    def read(self, root: Path, folder: Path, *, outermost: Path, work: Path) -> Repository:
        """The repository whose work tree is ``root``, as far as ``folder`` in it is concerned.

        ``root`` need not be a repository: it is then treated as if it were one that tracks nothing. Names are
        relative to ``work``, rules to ``outermost``.
        """
        git_folder = git_folder_of(root)
        listed = self._listed(root, folder) if git_folder else None
        if listed is not None:
            known = frozenset(_relative(folder, listed, work))
        else:
            tracked = self._tracked(root, git_folder) if git_folder else frozenset()
            known = frozenset(_relative(root, tracked, work))
        base = os.fsencode(root.relative_to(outermost).as_posix())
        excludes = self._excludes(git_folder, b"" if base == b"." else base + b"/")
        return Repository(listed is not None, known, frozenset(_folders_of(known)), tuple(excludes))

    def _listed(self, root: Path, folder: Path) -> frozenset[str] | None:
        if self._git is None:
            return None
        try:
            return self._git.listing(folder).names
        except GitFailedError as error:
            self.notes.append(
                f"git was asked about {root} and failed ({error}); runctl read its rules itself"
            )
            return None

    def _tracked(self, root: Path, git_folder: Path) -> frozenset[str]:
        settings = read_git_config(_shared(git_folder) / "config", self._home)
        hash_bytes = 32 if settings.get("extensions.objectformat", "sha1").lower() == "sha256" else 20
        index = git_folder / "index"
        if not os.path.lexists(index):
            return frozenset()
        try:
            return tracked_names(read_plain_file(index, _MOST_INDEX_BYTES), hash_bytes=hash_bytes)
        except (NotAPlainFileError, UnreadableIndexError) as error:
            self.notes.append(
                f"the index of {root} could not be read ({error}): tracked files that a rule names "
                "are left out"
            )
            return frozenset()

    def _excludes(self, git_folder: Path | None, base: bytes) -> Iterator[IgnoreFile]:
        if self._settings is None:
            self._settings = global_settings(self._environ, self._home)
        settings = self._settings
        if git_folder is not None:
            shared = _shared(git_folder)
            settings = {**settings, **read_git_config(shared / "config", self._home)}
            yield from _exclude_file(shared / "info" / "exclude", base, ".git/info/exclude")
        named = settings.get("core.excludesfile")
        path = config_folder(self._environ, self._home) / "ignore" if named is None else None
        if named:
            path = expanded(named, self._home)
        if path is not None:
            yield from _exclude_file(path, base, _with_tilde(path, self._home))


def git_folder_of(root: Path) -> Path | None:
    """The folder in which git keeps the repository of the work tree ``root``; None when it is none."""
    git = root / ".git"
    if not os.path.lexists(git):
        return None
    if git.is_file():
        try:
            text = os.fsdecode(read_plain_file(git, 1 << 16))
        except NotAPlainFileError:
            return None
        if not text.startswith("gitdir: "):
            return None
        git = root / text.removeprefix("gitdir: ").rstrip("\r\n")
    shared = _shared(git)
    is_valid = os.path.lexists(git / "HEAD") and (shared / "objects").is_dir() and (shared / "refs").is_dir()
    return git if is_valid else None


def settings_of_repository(git_folder: Path) -> dict[str, str]:
    """The settings that the repository itself has; empty when they cannot be read."""
    return read_git_config(_shared(git_folder) / "config", Path.home())


def _shared(git_folder: Path) -> Path:
    """What all work trees of a repository share."""
    try:
        text = os.fsdecode(read_plain_file(git_folder / "commondir", 1 << 16))
    except NotAPlainFileError:
        return git_folder
    return git_folder / text.rstrip("\r\n")


def _exclude_file(path: Path, base: bytes, source: str) -> Iterator[IgnoreFile]:
    try:
        content = read_plain_file(path, _MOST_EXCLUDES_BYTES)
    except NotAPlainFileError:
        return
    yield IgnoreFile(base, tuple(parse_rules(content, source)))


def _relative(folder: Path, names: Iterable[str], work: Path) -> Iterator[str]:
    """``names`` in ``folder`` as names in ``work``, which is ``folder`` or lies above or below it."""
    if folder.is_relative_to(work):
        above = folder.relative_to(work).as_posix()
        prefix = "" if above == "." else f"{above}/"
        yield from (prefix + name for name in names)
        return
    below = f"{work.relative_to(folder).as_posix()}/"
    yield from (name.removeprefix(below) for name in names if name.startswith(below))


def _folders_of(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        yield from (str(parent) for parent in PurePosixPath(name).parents)


def _with_tilde(path: Path, home: Path) -> str:
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)

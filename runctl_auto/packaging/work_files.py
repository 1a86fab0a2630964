"""Which files of a work folder are packaged: the folder is walked once and passed as a value.

What git would take is packaged: in a work tree with git on PATH git is asked, elsewhere its rules are read
here, with the same result. ``.runctlignore`` files, with the syntax of ``.gitignore``, have the last word on
tracked files too. A nested repository decides for itself.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from runctl_auto.errors import PackagingError
from runctl_auto.packaging.fetched_results import RESULTS_FOLDER, is_fetched_result
from runctl_auto.packaging.git_listing import Git
from runctl_auto.packaging.ignore_rules import IgnoreFile, IgnoreRule, last_verdict, read_ignore_file
from runctl_auto.packaging.links import target_inside
from runctl_auto.packaging.repository import Repositories, Repository, git_folder_of
from runctl_auto.packaging.work_folder import LeftOut, WorkFile, WorkFolder

GIT_IGNORE, RUNCTL_IGNORE = ".gitignore", ".runctlignore"
MAX_FILES = 100_000
UNSPOKEN = frozenset({".git", ".runctl"})
NEVER = {
    ".venv": "a virtual environment, which setup makes on the machine",
    "__pycache__": "compiled modules of Python",
}


def walk_work_folder(
    folder: Path, environ: Mapping[str, str] = os.environ, git: Git | None = None
) -> WorkFolder:
    """Walks ``folder``, leaving out what git would and what ``.runctlignore`` files name. Blocks.

    ``environ`` says where git is and where the person's excludes are; ``git`` is asked if it is given, as for
    many folders. Raises PackagingError for more than
    ``MAX_FILES`` files, for a symbolic link that leads out of the folder, for anything but files, folders and
    links, and for unreadable paths.
    """
    return _Walk(folder.resolve(), git or Git.on_path(environ), environ).all()


@dataclass(frozen=True)
class _Scope:
    """What decides in one folder; the rules with the highest precedence first.

    ``because`` names the folder itself: only what the repository knows is taken of it. ``by_rules``: a
    ``.runctlignore`` takes the folder against git's rules, which then decide on each entry.
    """

    repository: Repository
    git_rules: tuple[IgnoreFile, ...] = ()
    own_rules: tuple[IgnoreFile, ...] = ()
    because: IgnoreRule | None = None
    by_rules: bool = False


class _Walk:
    def __init__(self, top: Path, git: Git | None, environ: Mapping[str, str]) -> None:
        self._top = top
        self._repositories = Repositories(git, environ)
        self._outermost = _outermost_ignoring_folder(top)
        self._files: list[WorkFile] = []
        self._empty: list[str] = []
        self._left_out: list[LeftOut] = []

    def all(self) -> WorkFolder:
        remaining = [(self._top, self._scope_of_top())]
        while remaining:
            folder, scope = remaining.pop()
            remaining.extend(self._inside(folder, scope))
        return WorkFolder(
            self._top,
            tuple(sorted(self._files, key=lambda file: os.fsencode(file.name))),
            tuple(sorted(self._empty, key=os.fsencode)),
            tuple(sorted(self._left_out, key=lambda each: os.fsencode(each.name))),
            tuple(self._repositories.notes),
        )

    def _scope_of_top(self) -> _Scope:
        """The rules from the repository's root to the work folder, which they may name itself."""
        scope = self._with_rules_of(self._outermost, _Scope(self._repository(self._outermost, self._top)))
        folder = self._outermost
        for part in self._top.relative_to(self._outermost).parts:
            folder = folder / part
            scope = self._with_rules_of(folder, self._entered(folder, scope, is_known=True) or scope)
        if scope.because is not None:
            self._left_out.append(LeftOut("./", str(scope.because)))
        return scope

    def _inside(self, folder: Path, scope: _Scope) -> list[tuple[Path, _Scope]]:
        """Takes the files of ``folder``; returns the folders in it to walk."""
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise _unreadable(folder, error) from error
        if not entries and folder != self._top and scope.because is None:
            self._take_empty(folder, scope)
        folders = []
        for entry in entries:
            path = Path(entry.path)
            if entry.name in UNSPOKEN:
                continue
            if not entry.is_dir(follow_symlinks=False):
                self._decide_on_file(path, scope)
            elif reason := _never(path):
                self._leave_out(path, reason, is_folder=True)
            elif inner := self._decide_on_folder(path, scope):
                folders.append((path, inner))
        return folders

    def _decide_on_folder(self, folder: Path, scope: _Scope) -> _Scope | None:
        name = self._name(folder)
        known = scope.repository
        entered = self._entered(folder, scope, is_known=name in known.known or name in known.folders)
        if entered is None:
            return None
        if git_folder_of(folder) is None:
            return self._with_rules_of(folder, entered)
        nested = replace(entered, repository=self._repository(folder, folder), git_rules=(), because=None)
        return self._with_rules_of(folder, nested)

    def _entered(self, folder: Path, scope: _Scope, *, is_known: bool) -> _Scope | None:
        """The scope inside ``folder`` without its own rules; None when it is left out, which is noted."""
        own = self._verdict(scope.own_rules, folder, is_folder=True)
        if own is not None and not own.keeps:
            if folder == self._top or not folder.is_relative_to(self._top):
                return replace(scope, because=own, repository=_TRACKS_NOTHING)
            self._leave_out(folder, str(own), is_folder=True)
            return None
        if own is not None:
            return replace(
                scope, because=None, by_rules=scope.by_rules or self._ignored(scope, folder) is not None
            )
        because = self._ignored(scope, folder)
        if because is not None and not is_known:
            self._leave_out(folder, str(because), is_folder=True)
            return None
        return replace(scope, because=because)

    def _ignored(self, scope: _Scope, folder: Path) -> IgnoreRule | None:
        """The rule of git that leaves ``folder`` out; None when it is taken."""
        if scope.because is not None:
            return scope.because
        verdict = self._verdict(scope.git_rules, folder, is_folder=True)
        return None if verdict is None or verdict.keeps else verdict

    def _decide_on_file(self, path: Path, scope: _Scope) -> None:
        own = self._verdict(scope.own_rules, path, is_folder=False)
        if own is not None:
            if own.keeps:
                self._take(path)
            else:
                self._leave_out(path, str(own))
            return
        name, repository = self._name(path), scope.repository
        if name in repository.known:
            self._take(path)
            return
        rule = scope.because or self._verdict(scope.git_rules, path, is_folder=False)
        if rule is not None and (scope.because is not None or not rule.keeps):
            self._leave_out(path, str(rule))
        elif repository.was_asked and not scope.by_rules and _is_file_or_link(path):
            self._leave_out(path, "git leaves it out")
        else:
            self._take(path)

    def _take(self, path: Path) -> None:
        self._files.append(_work_file(self._top, path))
        if len(self._files) > MAX_FILES:
            raise PackagingError(
                f"the work folder {self._top} holds more than {MAX_FILES} files",
                where={"path": str(self._top)},
                next_step="Choose a smaller workdir, or name what training does not need in .runctlignore.",
            )

    def _take_empty(self, folder: Path, scope: _Scope) -> None:
        name = self._name(folder)
        if name.partition("/")[0] == RESULTS_FOLDER:
            return
        self._empty.append(name)
        if name in scope.repository.known:
            why = "a submodule that is not checked out; `git submodule update --init` does it"
            self._leave_out(folder, why, is_folder=True)

    def _leave_out(self, path: Path, why: str, *, is_folder: bool = False) -> None:
        self._left_out.append(LeftOut(self._name(path) + ("/" if is_folder else ""), why))

    def _name(self, path: Path) -> str:
        return path.relative_to(self._top).as_posix()

    def _verdict(self, rules: tuple[IgnoreFile, ...], path: Path, *, is_folder: bool) -> IgnoreRule | None:
        if not rules:
            return None
        name = os.fsencode(path.name)
        return last_verdict(rules, os.fsencode(path.relative_to(self._outermost).as_posix()), name, is_folder)

    def _repository(self, root: Path, folder: Path) -> Repository:
        return self._repositories.read(root, folder, outermost=self._outermost, work=self._top)

    def _with_rules_of(self, folder: Path, scope: _Scope) -> _Scope:
        own = self._rules(folder, RUNCTL_IGNORE)
        ours = (own, *scope.own_rules) if own else scope.own_rules
        if scope.because is not None:
            return replace(scope, own_rules=ours)
        excludes = scope.git_rules or scope.repository.excludes
        inner = self._rules(folder, GIT_IGNORE)
        return replace(scope, own_rules=ours, git_rules=(inner, *excludes) if inner else excludes)

    def _rules(self, folder: Path, name: str) -> IgnoreFile | None:
        base = folder.relative_to(self._outermost).as_posix()
        prefix = b"" if base == "." else os.fsencode(base) + b"/"
        return read_ignore_file(folder / name, prefix, os.path.relpath(folder / name, self._top))


_TRACKS_NOTHING = Repository(was_asked=True, known=frozenset(), folders=frozenset(), excludes=())


def _outermost_ignoring_folder(folder: Path) -> Path:
    """The root of the repository; without one, the nearest folder that is marked like one, or ``folder``."""
    above = (folder, *folder.parents)
    marked = next((each for each in above if (each / ".git").exists()), folder)
    return next((each for each in above if git_folder_of(each)), marked)


def _never(folder: Path) -> str | None:
    """Why a folder never travels, whatever the rules say."""
    if folder.name in NEVER:
        return NEVER[folder.name]
    return "results of a run, which runctl fetched" if is_fetched_result(folder) else None


def _is_file_or_link(path: Path) -> bool:
    mode = path.lstat().st_mode
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)


def _work_file(top: Path, path: Path) -> WorkFile:
    name = path.relative_to(top).as_posix()
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return WorkFile(name, path, 0, target_inside(top, path))
    if not stat.S_ISREG(status.st_mode):
        raise PackagingError(
            f"{name} is neither a file nor a folder nor a link and cannot travel",
            where={"path": str(path)},
            next_step="Remove it, or name it in .runctlignore.",
        )
    return WorkFile(name, path, status.st_size)


def _unreadable(path: Path, error: OSError) -> PackagingError:
    return PackagingError(
        f"{path} cannot be read: {error.strerror or error}",
        where={"path": str(path)},
        next_step="Make it readable, or name it in .runctlignore.",
    )

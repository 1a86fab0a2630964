"""Asks git which files of a folder it would take: those it tracks, and the others that no rule leaves out.

The folder may be a stranger's. Nothing that its configuration names is run: no hook, no monitor of the file
system, no transport; nothing is written to it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from bisect import bisect_left
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

GIT_SECONDS = 120.0
_KEPT_VARIABLES = frozenset(
    {
        "GIT_CEILING_DIRECTORIES",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_NOSYSTEM",
        "GIT_CONFIG_SYSTEM",
        "GIT_DISCOVERY_ACROSS_FILESYSTEM",
        "GIT_EXEC_PATH",
    }
)
_NOTHING_OF_THE_FOLDER_RUNS = (
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.untrackedCache=false"),
    *("-c", f"core.hooksPath={os.devnull}"),
)

RunCommand = Callable[..., "subprocess.CompletedProcess[bytes]"]


class GitFailedError(Exception):
    """Git could not tell; the message is its own first line."""


@dataclass(frozen=True)
class GitListing:
    """``root`` is the top of the work tree; ``names`` are relative to the folder that was asked about.

    A nested repository is one name, without a slash at its end.
    """

    root: Path
    names: frozenset[str]


class Git:
    """The executable git, as found on PATH; ``run`` and ``environ`` are replaceable in tests."""

    def __init__(self, executable: str, environ: Mapping[str, str], run: RunCommand = subprocess.run) -> None:
        self._executable = executable
        self._environ = environ
        self._run = run

    @classmethod
    def on_path(cls, environ: Mapping[str, str]) -> Git | None:
        """The git on the PATH of ``environ``; None when there is none."""
        found = shutil.which("git", path=environ.get("PATH", os.defpath))
        return cls(found, environ) if found else None

    def listing(self, folder: Path) -> GitListing:
        """What git would take of ``folder``. Blocks, for ``GIT_SECONDS`` at most.

        Raises GitFailedError when ``folder`` is in no work tree, or git refuses to read it.
        """
        top = Path(os.fsdecode(self._asked(folder, "rev-parse", "--show-toplevel").removesuffix(b"\n")))
        if not folder.is_relative_to(top):
            raise GitFailedError(f"the work tree of its repository is {top}")
        listed = self._asked(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        names = {os.fsdecode(name).rstrip("/") for name in listed.split(b"\0") if name}
        return GitListing(top, frozenset(names))

    def of_many_folders(self) -> Git:
        """A git that asks once for a whole work tree, for many folders in it; what changes meanwhile it does
        not see."""
        return _OneListing(self._executable, self._environ, self._run)

    def changed_since(self, root: Path, reference: str) -> frozenset[str]:
        """The names, relative to the top ``root`` of a work tree, of all that differs from where
        ``reference`` branched off: committed, changed, deleted or not tracked. Blocks.

        Raises GitFailedError when git does not know ``reference``.
        """
        commit = self._asked(root, "rev-parse", "--verify", "--end-of-options", f"{reference}^{{commit}}")
        since = os.fsdecode(commit.strip())
        with suppress(GitFailedError):  # histories that have nothing in common, as in a shallow clone
            since = os.fsdecode(self._asked(root, "merge-base", since, "HEAD").strip()) or since
        changed = self._asked(root, "diff", "--name-only", "--no-renames", "--no-ext-diff", "-z", since, "--")
        added = self._asked(root, "ls-files", "-z", "--others", "--exclude-standard")
        return frozenset(os.fsdecode(name) for name in (changed + added).split(b"\0") if name)

    def _asked(self, folder: Path, *command: str) -> bytes:
        try:
            done = self._run(
                [self._executable, *_NOTHING_OF_THE_FOLDER_RUNS, "-C", str(folder), *command],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=GIT_SECONDS,
                check=False,
                env=self._variables(),
            )
        except subprocess.TimeoutExpired as error:
            raise GitFailedError(f"git did not answer within {GIT_SECONDS:.0f} s") from error
        except OSError as error:
            raise GitFailedError(error.strerror or str(error)) from error
        if done.returncode != 0:
            lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise GitFailedError(lines[0] if lines else f"git ended with exit code {done.returncode}")
        return done.stdout

    def _variables(self) -> dict[str, str]:
        """The caller's environment without what would name another repository (as in a hook of git)."""
        kept = {
            name: value
            for name, value in self._environ.items()
            if not name.startswith("GIT_") or name in _KEPT_VARIABLES
        }
        return {
            **kept,
            "LC_ALL": "C",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_ALLOW_PROTOCOL": "none",
            "GIT_TERMINAL_PROMPT": "0",
        }


class _OneListing(Git):
    """Keeps the listing of each work tree, sorted."""

    def __init__(self, executable: str, environ: Mapping[str, str], run: RunCommand) -> None:
        super().__init__(executable, environ, run)
        self._held: dict[Path, list[str] | GitFailedError] = {}

    def listing(self, folder: Path) -> GitListing:
        top = next((each for each in (folder, *folder.parents) if os.path.lexists(each / ".git")), None)
        if top is None:
            return super().listing(folder)
        if top not in self._held:
            self._held[top] = self._whole(top)
        held = self._held[top]
        if isinstance(held, GitFailedError):
            raise GitFailedError(str(held))
        if folder == top:
            return GitListing(top, frozenset(held))
        prefix = f"{folder.relative_to(top).as_posix()}/"
        first, end = bisect_left(held, prefix), bisect_left(held, f"{prefix[:-1]}0")  # 0 follows the slash
        return GitListing(top, frozenset(name[len(prefix) :] for name in held[first:end]))

    def _whole(self, top: Path) -> list[str] | GitFailedError:
        try:
            found = super().listing(top)
        except GitFailedError as error:
            return error
        if found.root != top:
            return GitFailedError(f"the work tree of its repository is {found.root}")
        return sorted(found.names)

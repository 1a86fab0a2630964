"""runctl's folder in a project, ``.runctl/``: a real folder of the caller's own, closed to others.

A project may come from somebody else, and so may what lies in this folder. No link in it is followed, nothing
but regular files is opened, and a folder that git tracks is refused: a checkout brought what is in it.
"""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from runctl_auto.errors import UntrustedError
from runctl_auto.local.git_index import is_tracked
from runctl_auto.local.ownership import fault_of_owner, foreign_owner

_FOLLOWED_BY_OTHERS = ("state", "state/.pulumi", "pulumi", "sandbox")
"""Folders in which other programs open files, by names that a project could have planted as links."""


def make_private_folder(folder: Path) -> Path:
    """Creates ``folder`` with mode 0700 unless it exists; closes one of the caller's own to others.

    Raises ``UntrustedError`` when it is a link, no folder, of somebody else, or was open to others' changes.
    """
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        if _checked_folder(folder).st_mode & 0o077:
            folder.chmod(0o700)
    return folder


def make_subfolder(folder: Path, *names: str) -> Path:
    """A folder in the private ``folder``, created unless it exists. Raises ``UntrustedError`` as above."""
    for name in names:
        folder = folder / name
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            _checked_folder(folder)
    return folder


def refuse_planted(folder: Path) -> None:
    """Raises ``UntrustedError`` when a project brought the private ``folder`` or links in it.

    Does nothing when there is no such folder. Reads the repository's index and a few folders.
    """
    if not os.path.lexists(folder):
        return
    _checked_folder(folder)
    if is_tracked(folder):
        raise UntrustedError(
            f"Git tracks {folder}, which holds keys and states of this machine alone.",
            where={"path": str(folder)},
            next_step=f"git rm -r --cached {folder.name}, and remove the folder unless you know all of it.",
        )
    for part in (folder, *(folder / name for name in _FOLLOWED_BY_OTHERS)):
        if part.is_dir():
            for entry in os.scandir(part):
                with suppress(FileNotFoundError):  # another command has renamed it
                    _refuse_other_kinds(Path(entry.path), entry.stat(follow_symlinks=False))


def open_private(path: Path, flags: int) -> int:
    """The descriptor of the regular file ``path``, opened with ``flags`` (``os.O_RDWR | os.O_CREAT``).

    Never follows a link and never waits for a pipe. Raises ``UntrustedError`` for anything but a regular file
    of the caller's own, other OSErrors as they are.
    """
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError:
        if os.path.lexists(path):
            _refuse_other_kinds(path, path.lstat())
        raise
    try:
        _refuse_other_kinds(path, os.fstat(descriptor))
    except UntrustedError:
        os.close(descriptor)
        raise
    return descriptor


def read_private(path: Path) -> str | None:
    """The text of a file; None when there is none. Raises ``UntrustedError`` as ``open_private``."""
    try:
        descriptor = open_private(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as stream:
        return stream.read()


def replace_private(path: Path, text: str) -> None:
    """Writes ``text`` to ``path``: whole or not at all. A link at ``path`` is replaced, not followed."""
    temporary = _written_beside(path, text)
    try:
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def create_private(path: Path, text: str) -> None:
    """Writes ``text`` to ``path`` unless it exists: whole or not at all, by one of several that try at once.

    Raises ``UntrustedError`` when what exists is no regular file of the caller's own.
    """
    if os.path.lexists(path):
        _refuse_other_kinds(path, path.lstat())
        return
    temporary = _written_beside(path, text)
    try:
        os.link(temporary, path)
    except FileExistsError:
        _refuse_other_kinds(path, path.lstat())
    finally:
        temporary.unlink(missing_ok=True)


def refuse_foreign_file(path: Path) -> None:
    """Raises ``UntrustedError`` when there is something at ``path`` that is no regular file, or that somebody
    else than the caller and root could have written. A link is followed.

    For files that others open by name, such as the person's settings.
    """
    try:
        status = path.stat()
    except OSError:
        return
    fault = fault_of_owner(status) if stat.S_ISREG(status.st_mode) else "is not a regular file"
    if fault is not None:
        raise _untrusted(path, fault, "Name another file, or make this one your own: chmod go-w.")


def refuse_planted_passphrase(path: Path) -> None:
    """As ``refuse_foreign_file``; also for a file that git tracks, which whoever has the project knows."""
    refuse_foreign_file(path)
    if is_tracked(path):
        raise _untrusted(path, "is tracked by git", "Make another passphrase, outside of the repository.")


def _written_beside(path: Path, text: str) -> Path:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    return Path(name)


def _checked_folder(folder: Path) -> os.stat_result:
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        kind = "is a link" if stat.S_ISLNK(status.st_mode) else "is not a folder"
        raise _untrusted(folder, kind, f"Remove it: rm {folder}; runctl makes a folder of its own there.")
    fault = fault_of_owner(status)
    if fault is not None:
        raise _untrusted(folder, fault, "Remove it, or move what is in it to a folder of your own.")
    return status


def _refuse_other_kinds(path: Path, status: os.stat_result) -> None:
    """In a folder that is closed to others, modes of files do not matter."""
    kind = stat.S_IFMT(status.st_mode)
    if kind == stat.S_IFLNK:
        fault: str | None = "is a link"
    elif kind not in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFSOCK):
        fault = "is not a regular file"
    else:
        fault = foreign_owner(status)
    if fault is not None:
        raise _untrusted(path, fault, "Look at it, and remove it if you did not put it there.")


def _untrusted(path: Path, fault: str, next_step: str) -> UntrustedError:
    return UntrustedError(f"{path} {fault}.", where={"path": str(path)}, next_step=next_step)

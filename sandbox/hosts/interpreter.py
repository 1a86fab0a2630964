"""The hosts' Python: the caller's own, without its installed packages."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_LEFT_OUT = ("site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter", "turtledemo",
             "config-*")  # fmt: skip


@dataclass(frozen=True)
class Interpreter:
    """A base interpreter (not of a virtual environment): its executable and its prefix."""

    executable: Path
    prefix: Path
    library_path: Path | None = None
    """For LD_LIBRARY_PATH, when the interpreter does not find its own shared library."""


def of_caller() -> Interpreter:
    """The current interpreter, outside its virtual environment."""
    base = getattr(sys, "_base_executable", None) or sys.executable
    return Interpreter(Path(base).resolve(), Path(sys.base_prefix).resolve())


def usable_by(interpreter: Interpreter, uid: int) -> bool:
    """Whether another user can run it. Requires root."""
    try:
        ended = subprocess.run(
            [str(interpreter.executable), "-I", "-S", "-c", "import ensurepip, venv, asyncio"],
            user=uid, group=uid, extra_groups=[], cwd="/", env={}, timeout=20, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return False
    return ended.returncode == 0


def copy_to(folder: Path, interpreter: Interpreter) -> Interpreter:
    """Copy the interpreter and its standard library to `folder`, for users who cannot access the original.

    Files are hard-linked where possible, to save space. Existing files are kept.
    """
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    binary, library = folder / "bin" / version, folder / "lib"
    if not binary.exists():
        shutil.copytree(
            interpreter.prefix / "lib" / version,
            library / version,
            ignore=shutil.ignore_patterns(*_LEFT_OUT),
            copy_function=_link_or_copy,
            dirs_exist_ok=True,
        )
        for shared in (interpreter.prefix / "lib").glob("libpython*.so*"):
            _link_or_copy(shared, library / shared.name)
        binary.parent.mkdir()
        _link_or_copy(interpreter.executable, binary)
        for parent, _, _ in os.walk(folder):
            Path(parent).chmod(0o755)
    return Interpreter(binary, folder, library if list(library.glob("libpython*.so*")) else None)


def _link_or_copy(source: str | Path, target: str | Path) -> None:
    """Link a world-readable file; copy any other and make the copy world-readable."""
    mode = Path(source).stat().st_mode
    if mode & stat.S_IROTH:
        try:
            return os.link(source, target, follow_symlinks=True)
        except OSError:  # another file system, or one without links
            pass
    shutil.copyfile(source, target)
    return Path(target).chmod(0o755 if mode & stat.S_IXUSR else 0o644)

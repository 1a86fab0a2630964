"""The Python that hosts run: the caller's own, without the packages installed for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_LEFT_OUT = ("site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter", "turtledemo", "config-*",
             "__pycache__")  # fmt: skip


@dataclass(frozen=True)
class Interpreter:
    """A base interpreter (of no virtual environment): its file, the folder it lives in, where its libraries are."""

    executable: Path
    prefix: Path
    library_path: Path | None = None
    """For LD_LIBRARY_PATH, when the interpreter does not find its own shared library."""


def of_caller() -> Interpreter:
    """The interpreter that runs this, without its virtual environment."""
    base = getattr(sys, "_base_executable", None) or sys.executable
    return Interpreter(Path(base).resolve(), Path(sys.base_prefix).resolve())


def usable_by(interpreter: Interpreter, uid: int) -> bool:
    """Whether another user can run it. Only root may ask."""
    try:
        ended = subprocess.run(
            [str(interpreter.executable), "-I", "-S", "-c", "import ensurepip, venv, asyncio"],
            user=uid, group=uid, extra_groups=[], cwd="/", env={}, timeout=20,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return False
    return ended.returncode == 0


def copy_to(folder: Path, interpreter: Interpreter) -> Interpreter:
    """A copy with its standard library under `folder`, for users who cannot reach the original.

    A copy that is there already is taken as it is.
    """
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    binary, library = folder / "bin" / version, folder / "lib"
    if binary.exists():
        return Interpreter(binary, folder, library if list(library.glob("libpython*.so*")) else None)
    shutil.copytree(
        interpreter.prefix / "lib" / version, library / version, ignore=shutil.ignore_patterns(*_LEFT_OUT)
    )
    shared = list((interpreter.prefix / "lib").glob("libpython*.so*"))
    for file in shared:
        shutil.copy2(file, library / file.name)
    binary.parent.mkdir(parents=True)
    shutil.copy2(interpreter.executable, binary)
    for parent, _, names in os.walk(folder):
        Path(parent).chmod(0o755)
        for name in names:
            file = Path(parent, name)
            file.chmod(0o755 if os.access(file, os.X_OK) else 0o644)
    return Interpreter(binary, folder, library if shared else None)

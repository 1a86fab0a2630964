"""The programs folder shared by all hosts of a sandbox, read-only to them.

`bin/` has the stand-ins and `python3`, first on every host's PATH; `lib/` has the code of the init and the
stand-ins. `pyvenv.cfg` makes it a virtual environment without packages, so that `python3` has none.
"""

from __future__ import annotations

import compileall
import shlex
import shutil
import sys
from pathlib import Path

from sandbox.hosts.guest.stand_in import PROGRAMS
from sandbox.hosts.interpreter import Interpreter

_GUEST = Path("sandbox/hosts/guest")
INIT = Path("lib") / _GUEST / "init.py"
_SCRIPT = """#!/bin/sh
exec {python} -I -S {stand_in} "${{0##*/}}" "$@"
"""


def make_programs(folder: Path, seen_as: Path, interpreter: Interpreter) -> None:
    """Create the folder if it does not exist (running hosts need it). `seen_as` is its path inside hosts."""
    if (folder / "pyvenv.cfg").exists():
        return
    if folder.exists():
        shutil.rmtree(folder)
    library = folder / "lib" / _GUEST
    shutil.copytree(Path(__file__).parent / "guest", library, ignore=shutil.ignore_patterns("__pycache__"))
    for package in (library.parent, library.parent.parent):
        (package / "__init__.py").touch()
    compileall.compile_dir(folder / "lib", quiet=2, stripdir=str(folder), prependdir=str(seen_as))
    programs = folder / "bin"
    programs.mkdir()
    script = _SCRIPT.format(
        python=shlex.quote(str(seen_as / "bin/python3")),
        stand_in=shlex.quote(str(seen_as / "lib" / _GUEST / "stand_in.py")),
    )
    for name in PROGRAMS:
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)
    for name in ("python3", f"python3.{sys.version_info.minor}"):
        (programs / name).symlink_to(interpreter.executable)
    configuration = (
        f"home = {interpreter.executable.parent}\ninclude-system-site-packages = false\n"
        f"version = {'.'.join(str(part) for part in sys.version_info[:3])}\n"
    )
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent == programs else 0o644)
    (folder / "pyvenv.cfg").write_text(configuration)
    (folder / "pyvenv.cfg").chmod(0o644)

"""Engine installations as separate processes, with a fake Go that a test can hold."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import runctl_auto.engine.install.standalone as script
from runctl_auto.engine.install.pinned import pinned_version
from runctl_auto.engine.install.place import Place, engine_place

_FAKE_GO = """#!/bin/sh
case "$1" in
env) printf 'go1.99.0\\nlinux\\namd64\\n' ;;
list)
    mkdir -p "$GOMODCACHE/example.com/a@v1.0.0"
    touch "$GOMODCACHE/example.com/a@v1.0.0/a.go"
    chmod 0555 "$GOMODCACHE/example.com/a@v1.0.0" "$GOMODCACHE/example.com"
    echo errors ;;
build)
    echo build >> "$FAKE_GO_FOLDER/builds"
    sh -c 'echo $$ > "$FAKE_GO_FOLDER/compiler"; exec sleep 1000' &
    while [ -e "$FAKE_GO_FOLDER/hold" ]; do sleep 0.05; done
    kill $!
    while [ "$1" != -o ]; do shift; done
    printf '#!/bin/sh\\necho VERSION\\n' > "$2"
    chmod 0755 "$2" ;;
esac
"""


@dataclass(frozen=True)
class Installations:
    """A user with an empty home folder, whose PATH has the fake Go and no engine."""

    folder: Path

    @property
    def environ(self) -> Mapping[str, str]:
        return {
            "HOME": str(self.folder / "home"),
            "PATH": str(self.folder / "programs"),
            "FAKE_GO_FOLDER": str(self.folder),
        }

    @property
    def place(self) -> Place:
        return engine_place(self.environ)

    def start(self, *arguments: str, has_packages: bool = False, **more: str) -> subprocess.Popen[str]:
        """Start the script; without installed packages by default."""
        return subprocess.Popen(
            [sys.executable, "-I", *([] if has_packages else ["-S"]), script.__file__, *arguments],
            env={**self.environ, **more},
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, has_packages: bool = False, **more: str) -> tuple[int, str]:
        """Exit code and messages of the script."""
        process = self.start(*arguments, has_packages=has_packages, **more)
        messages = process.communicate(timeout=120)[1]
        return process.returncode, messages

    def hold_builds(self) -> None:
        (self.folder / "hold").touch()

    def release_builds(self) -> None:
        (self.folder / "hold").unlink()

    def builds(self) -> int:
        """Number of builds started."""
        file = self.folder / "builds"
        return len(file.read_text(encoding="ascii").split()) if file.exists() else 0

    def compiler(self) -> int | None:
        """The process id of the last build's child."""
        file = self.folder / "compiler"
        text = file.read_text(encoding="ascii").strip() if file.exists() else ""
        return int(text) if text else None

    def left_behind(self) -> list[str]:
        """Files in the engines' folder, except locks."""
        folder = self.place.folder
        names = [each.name for each in folder.iterdir()] if folder.exists() else []
        return sorted(name for name in names if not name.startswith(".lock-"))


def with_fake_go(folder: Path) -> Installations:
    """Write the fake Go, and link the programs that it needs, into ``folder``."""
    programs = folder / "programs"
    programs.mkdir()
    for name in ("sh", "sleep", "mkdir", "touch", "chmod"):
        program = shutil.which(name)
        assert program is not None, f"this machine has no {name}"
        (programs / name).symlink_to(program)
    go = programs / "go"
    go.write_text(_FAKE_GO.replace("VERSION", pinned_version()), encoding="ascii")
    go.chmod(0o755)
    (folder / "home").mkdir()
    return Installations(folder)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Poll ``condition``; fail the test when it does not become true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def has_ended(process: int) -> bool:
    """Whether the process has ended; a zombie has."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    status = Path(f"/proc/{process}/stat")
    try:
        return status.read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True

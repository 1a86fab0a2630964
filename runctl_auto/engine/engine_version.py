"""What ``pulumi version`` prints, remembered for executables that have not changed since."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from runctl_auto.local.atomic_file import replace_file
from runctl_auto.local.user_folders import cache_folder

_ANSWER_SECONDS = 30
_NATIVE_MAGIC = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
_KEPT_ENTRIES = 20

AskVersion = Callable[[Path, Mapping[str, str]], "str | None"]


def ask_version(executable: Path, environ: Mapping[str, str]) -> str | None:
    """What ``executable version`` prints; None when it does not run. Blocks, for half a minute at most."""
    try:
        answer = subprocess.run(
            [str(executable), "version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ANSWER_SECONDS,
            check=True,
            env={**environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def versions_file(environ: Mapping[str, str]) -> Path:
    """Where answers are remembered: ``$XDG_CACHE_HOME/runctl/engines.json``, by default in ``~/.cache``."""
    return cache_folder(environ) / "engines.json"


class RememberedVersions:
    """Versions by path, size, modification time and inode. A damaged or unwritable file is no error.

    Scripts and launchers of version managers are asked every time: their answer can change while they do not.
    """

    def __init__(self, environ: Mapping[str, str], ask: AskVersion = ask_version) -> None:
        self._environ = environ
        self._ask = ask
        self._file = versions_file(environ)

    def version(self, executable: Path) -> str | None:
        """What ``executable version`` prints; None when it does not run."""
        identity = _identity(executable)
        if identity is None:
            return self._ask(executable, self._environ)
        entries = self._read()
        entry = entries.get(str(executable))
        if (
            isinstance(entry, dict)
            and entry.get("file") == identity
            and isinstance(entry.get("version"), str)
        ):
            return str(entry["version"])
        version = self._ask(executable, self._environ)
        if version is not None:
            entries.pop(str(executable), None)
            entries[str(executable)] = {"file": identity, "version": version}
            self._write(entries)
        return version

    def _read(self) -> dict[str, Any]:
        try:
            entries = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return entries if isinstance(entries, dict) else {}

    def _write(self, entries: Mapping[str, Any]) -> None:
        newest = dict(list(entries.items())[-_KEPT_ENTRIES:])
        try:
            replace_file(self._file, json.dumps(newest, indent=1))
        except OSError:
            return


def _identity(executable: Path) -> list[int] | None:
    """What changes whenever the program does; None for one that runs another program."""
    try:
        if executable.resolve().name != "pulumi":
            return None
        with executable.open("rb") as stream:
            if stream.read(4) not in _NATIVE_MAGIC:
                return None
        status = executable.stat()
    except (OSError, RuntimeError):
        return None
    return [status.st_size, status.st_mtime_ns, status.st_ino]

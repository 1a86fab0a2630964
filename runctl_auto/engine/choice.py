"""Which Pulumi engine a command uses: the one that is named, a compatible one on PATH, the installed one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from runctl_auto.engine.engine_version import AskVersion, RememberedVersions, ask_version
from runctl_auto.engine.install.pinned import pinned_version
from runctl_auto.engine.install.place import executable as executable_in
from runctl_auto.engine.install.place import installed
from runctl_auto.errors import EngineNotFoundError
from runctl_auto.local.printable import printable

VARIABLE = "RUNCTL_ENGINE"
SETTING = "engine.path"

Version = tuple[int, int, int]


@dataclass(frozen=True)
class Engine:
    """The engine ``root/bin/pulumi``; ``why`` says why this one was chosen."""

    root: Path
    version: str
    why: str

    @property
    def folder(self) -> Path:
        return self.root / "bin"


@dataclass(frozen=True)
class Refused:
    """An executable that cannot be used, and the reason."""

    executable: Path
    reason: str

    def __str__(self) -> str:
        return printable(f"{self.executable}: {self.reason}")


def choose_engine(
    setting: str | None,
    environ: Mapping[str, str],
    *,
    minimum: str | None = None,
    ask: AskVersion = ask_version,
) -> Engine:
    """The engine for a command. ``setting`` is the setting ``engine.path``; the variable is stronger.

    A named engine that cannot be used is an error, not a reason to take another. Starts a process only for an
    executable whose version is not remembered. ``minimum`` is the version of Pulumi's Python SDK by default.
    Raises ``EngineNotFoundError``.
    """
    candidates = _Candidates(environ, minimum or sdk_version(), RememberedVersions(environ, ask))
    named, origin = (environ.get(VARIABLE), VARIABLE) if environ.get(VARIABLE) else (setting, SETTING)
    if named:
        return candidates.named(named, origin)
    refused: list[Refused] = []
    for found in _on_path(environ):
        judged = candidates.judge(found, "first compatible pulumi on PATH")
        if isinstance(judged, Engine):
            return judged
        refused.append(judged)
    root = installed(environ)
    if root is not None:
        return Engine(root, pinned_version(), "installed by `runctl setup`")
    raise EngineNotFoundError(
        "There is no Pulumi engine that runctl can use.",
        where={"needed": candidates.needed, **_refusals(refused)},
        next_step="Run `runctl setup`, which installs one; or put a compatible `pulumi` on PATH; or name one "
        f"with {VARIABLE} (setting {SETTING}).",
    )


def sdk_version() -> str:
    """The version of the installed Python SDK, without importing it. Raises ``EngineNotFoundError``."""
    try:
        return version("pulumi")
    except PackageNotFoundError as error:
        raise EngineNotFoundError(
            "The Python package pulumi is not installed, so that no engine can be used.",
            next_step="Install runctl again; pulumi is one of its dependencies.",
        ) from error


class _Candidates:
    """Judges executables against the oldest version that is accepted."""

    def __init__(self, environ: Mapping[str, str], minimum: str, versions: RememberedVersions) -> None:
        self._environ = environ
        self._minimum_text = minimum
        self._minimum, _ = _parsed(minimum) or ((0, 0, 0), False)
        self._versions = versions

    @property
    def needed(self) -> str:
        return f"pulumi {self._minimum_text} or newer, below {self._minimum[0] + 1}"

    def named(self, named: str, origin: str) -> Engine:
        """The engine that ``origin`` names: an executable or a root folder."""
        path = Path(named).expanduser()
        judged = self.judge(executable_in(path) if path.is_dir() else path, f"named by {origin}")
        if isinstance(judged, Engine):
            return judged
        raise EngineNotFoundError(
            f"The engine that {origin} names cannot be used: {judged}.",
            where={"needed": self.needed},
            next_step=f"Correct {origin}, or remove it: then a compatible `pulumi` on PATH or the one that "
            "`runctl setup` installs is used.",
        )

    def judge(self, executable: Path, why: str) -> Engine | Refused:
        """The engine that ``executable`` is, or the reason against it."""
        absolute = executable.absolute()
        if not absolute.is_file():
            return Refused(absolute, "there is no such file")
        if not os.access(absolute, os.X_OK):
            return Refused(absolute, "it is not executable")
        root = _root_of(absolute)
        if root is None:
            return Refused(
                absolute, "it is not named pulumi in a folder named bin, where the Automation API expects it"
            )
        printed = self._versions.version(executable_in(root))
        reason = self._reason_against(printed)
        return Refused(absolute, reason) if reason else Engine(root, printed or "", why)

    def _reason_against(self, printed: str | None) -> str | None:
        if printed is None:
            return "`pulumi version` fails"
        if not printed:
            return "`pulumi version` prints nothing (it was built without a version)"
        parsed = _parsed(printed)
        if parsed is None:
            return f"`pulumi version` prints '{printed}', which is no version"
        found, is_prerelease = parsed
        if found[0] != self._minimum[0]:
            return f"its version {printed} is of another major version than {self._minimum_text}"
        if found < self._minimum or (found == self._minimum and is_prerelease):
            return f"its version {printed} is older than {self._minimum_text}"
        return None


def _on_path(environ: Mapping[str, str]) -> Iterator[Path]:
    """Executables named ``pulumi``, in the order of PATH."""
    for folder in (environ.get("PATH") or "").split(os.pathsep):
        found = Path(folder) / "pulumi"
        if folder and found.is_file() and os.access(found, os.X_OK):
            yield found


def _root_of(executable: Path) -> Path | None:
    """The folder that has ``executable``, or what it is a link to, as ``bin/pulumi``."""
    for candidate in (executable, executable.resolve()):
        if candidate.name == "pulumi" and candidate.parent.name == "bin":
            return candidate.parent.parent
    return None


def _parsed(text: str) -> tuple[Version, bool] | None:
    """The version as numbers, and whether it is a pre-release."""
    found = re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)(-[^+\s]+)?(\+\S+)?", text)
    return ((int(found[1]), int(found[2]), int(found[3])), found[4] is not None) if found else None


def _refusals(refused: list[Refused]) -> dict[str, str]:
    return {"refused": "; ".join(map(str, refused))} if refused else {}

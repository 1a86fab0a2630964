"""Which Python runs a program or a policy pack."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import RuntimeOptionsError

_OPTIONS = {"virtualenv", "toolchain", "typechecker"}
_TOOLCHAINS = {"pip", "uv"}


def interpreter(root: Path, options: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """The Python of the ``virtualenv`` option of the project in ``root``, else PULUMI_PYTHON_CMD, else that
    of the active virtual environment, else ``python3`` on PATH.

    With ``toolchain: uv`` the virtual environment is ``.venv`` unless the option names another. Raises
    ``RuntimeOptionsError`` for a missing virtual environment and for options that are not supported.
    """
    folder = virtual_environment(root, options)
    if folder is not None:
        python = python_in(folder)
        if python is None:
            raise RuntimeOptionsError(
                f"The virtual environment of the python runtime, {folder}, does not exist or has no Python.",
                next_step=f"Create it with `python3 -m venv {folder}` and install the requirements there.",
            )
        return python
    chosen = environment.get("PULUMI_PYTHON_CMD")
    if chosen:
        return shutil.which(chosen, path=environment.get("PATH", os.defpath)) or chosen
    active = environment.get("VIRTUAL_ENV")
    in_active = python_in(Path(active)) if active else None
    return in_active or shutil.which("python3", path=environment.get("PATH", os.defpath)) or "python3"


def virtual_environment(root: Path, options: Mapping[str, Any]) -> Path | None:
    """The virtual environment that the runtime's options name; None when they name none.

    Raises ``RuntimeOptionsError`` for options that are not supported.
    """
    toolchain = options.get("toolchain") or "pip"
    unknown = sorted(set(options) - _OPTIONS)
    if unknown:
        raise _unsupported(f"options of the python runtime: {', '.join(unknown)}")
    if toolchain not in _TOOLCHAINS:
        raise _unsupported(f"toolchain of the python runtime: {toolchain}")
    if options.get("typechecker") not in (None, "", "none"):
        raise _unsupported(f"typechecker of the python runtime: {options['typechecker']}")
    named = options.get("virtualenv") or (".venv" if toolchain == "uv" else None)
    return root / str(named) if named else None


def activated(environment: Mapping[str, str], folder: Path | None) -> dict[str, str]:
    """The environment with the virtual environment ``folder`` active, as its activation script sets it."""
    if folder is None:
        return dict(environment)
    found = {key: value for key, value in environment.items() if key != "PYTHONHOME"}
    found["VIRTUAL_ENV"] = str(folder)
    found["PATH"] = os.pathsep.join(filter(None, (str(folder / "bin"), environment.get("PATH"))))
    return found


def python_in(folder: Path) -> str | None:
    """The Python of a virtual environment; None when there is none."""
    python = folder / "bin" / "python"
    return str(python) if python.exists() else None


def _unsupported(what: str) -> RuntimeOptionsError:
    return RuntimeOptionsError(
        f"Unsupported {what}.",
        next_step="Supported are `virtualenv`, and `toolchain` with the value `pip` or `uv`.",
    )

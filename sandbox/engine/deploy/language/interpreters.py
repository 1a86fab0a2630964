"""Which Python runs a program or a policy pack."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.engine.deploy.request import OperationRefused

_OPTIONS = {"virtualenv", "toolchain", "typechecker"}


def interpreter(root: Path, options: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """The Python of the `virtualenv` option of the project in `root`, else PULUMI_PYTHON_CMD, else that of an
    active virtual environment, else the engine's own.

    Raises OperationRefused for a missing virtual environment and for options that are not supported."""
    unknown = set(options) - _OPTIONS
    if unknown:
        raise OperationRefused(f"unsupported options of the python runtime: {', '.join(sorted(unknown))}")
    if options.get("toolchain", "pip") != "pip":
        raise OperationRefused(f"unsupported toolchain of the python runtime: {options['toolchain']}")
    if options.get("typechecker", "none") not in ("", "none", None):
        raise OperationRefused(f"unsupported typechecker of the python runtime: {options['typechecker']}")
    folder = options.get("virtualenv")
    if folder:
        python = _python_in(root / str(folder))
        if python is None:
            raise OperationRefused(
                f"The 'virtualenv' option in Pulumi.yaml is set to \"{folder}\", but "
                f'"{root / str(folder)}" doesn\'t appear to be a virtual environment.'
            )
        return python
    chosen = environment.get("PULUMI_PYTHON_CMD")
    if chosen:
        return shutil.which(chosen, path=environment.get("PATH", os.defpath)) or chosen
    active = environment.get("VIRTUAL_ENV")
    return (_python_in(Path(active)) if active else None) or sys.executable


def _python_in(folder: Path) -> str | None:
    python = folder / "bin" / "python"
    return str(python) if python.exists() else None

"""Providers that a project brings along: Python programs with a PulumiPlugin.yaml, or executables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from sandbox.engine.deploy.language.interpreters import interpreter
from sandbox.engine.deploy.providers.api import ProviderError
from sandbox.engine.deploy.request import OperationRefused, OperationRequest

_DESCRIPTION = "PulumiPlugin.yaml"
_ENVIRONMENT = "venv"


def local_command(package: str, folder: Path, request: OperationRequest) -> list[str]:
    """How to start the package's provider that lies in `folder`. Python is that of the description's
    `virtualenv`, else of a `venv` beside it, else the program's.

    Raises ProviderError when nothing there can be started."""
    executable = folder / f"pulumi-resource-{package}"
    if executable.is_file():
        return [str(executable)]
    name, options = _runtime(folder / _DESCRIPTION)
    if name != "python":
        raise ProviderError(f"plugins with runtime '{name}' are not supported; only python is ({folder})")
    if "virtualenv" not in options and (folder / _ENVIRONMENT).is_dir():
        options = {**options, "virtualenv": _ENVIRONMENT}
    try:
        return [interpreter(folder, options, request.environment), "-u", str(folder)]
    except OperationRefused as error:
        raise ProviderError(str(error)) from error


def _runtime(description: Path) -> tuple[str, Mapping[str, Any]]:
    try:
        content = yaml.safe_load(description.read_text(encoding="utf-8"))
        runtime = content["runtime"]
    except (OSError, yaml.YAMLError, TypeError, KeyError) as error:
        raise ProviderError(f"the plugin's description {description} cannot be used: {error}") from error
    if isinstance(runtime, str):
        return runtime, {}
    return str(runtime.get("name")), runtime.get("options") or {}

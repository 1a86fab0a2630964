"""Which plugins default providers are when nobody says: those that the program's packages come with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sandbox.engine import urn as urns
from sandbox.engine.deploy.language.interpreters import interpreter
from sandbox.engine.deploy.providers.default_resources import PluginSource
from sandbox.engine.deploy.request import OperationRequest
from sandbox.engine.model import Resource

_DESCRIPTION = "pulumi-plugin.json"


def default_sources(request: OperationRequest, resources: Iterable[Resource]) -> Mapping[str, PluginSource]:
    """The plugins of packages, by package: as the Python packages say that the program can import, else, when
    none of them says anything, as the providers say that the stack has."""
    found: dict[str, PluginSource] = {}
    pairs = list(_of_program(request)) or list(_of_state(resources))
    for package, source in sorted(pairs, key=lambda pair: age(pair[1].version)):
        found[package] = source
    return found


def _of_program(request: OperationRequest) -> Iterator[tuple[str, PluginSource]]:
    program = request.program
    if program.client_address or program.runtime != "python":
        return
    python = Path(interpreter(program.root, program.runtime_options, request.environment))
    for description in sorted(python.parent.parent.glob(f"lib/python3*/site-packages/*/{_DESCRIPTION}")):
        yield from _described(_read(description))


def _read(file: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _described(content: Mapping[str, Any]) -> Iterator[tuple[str, PluginSource]]:
    name, version = content.get("name"), str(content.get("version") or "")
    if content.get("resource") and name and not content.get("parameterization"):
        yield str(name), PluginSource(version.removeprefix("v"), str(content.get("server") or ""))


def _of_state(resources: Iterable[Resource]) -> Iterator[tuple[str, PluginSource]]:
    for resource in resources:
        if not resource.is_provider:
            continue
        internal = resource.inputs.get("__internal")
        url = internal.get("pluginDownloadURL") if isinstance(internal, dict) else ""
        version = resource.inputs.get("version")
        source = PluginSource(
            version if isinstance(version, str) else "", url if isinstance(url, str) else ""
        )
        yield urns.provided_package(resource.type), source


def age(version: str) -> tuple[bool, tuple[int, ...], bool]:
    """Sorts versions by age, a missing one first and a preliminary one before the final."""
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    return bool(version), tuple(map(int, numbers.groups())) if numbers else (), "-" not in version

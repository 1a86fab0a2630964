"""Which provider plugins a program needs, read from the SDKs' own ``pulumi-plugin.json``."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

_SITE_FOLDERS = (
    "import sysconfig; paths = sysconfig.get_paths(); print(paths['purelib']); print(paths['platlib'])"
)
_SECONDS = 30.0


@dataclass(frozen=True)
class Package:
    """A provider plugin. ``server`` is empty for the official one."""

    name: str
    version: str
    server: str = ""


def attached_providers(environment: Mapping[str, str]) -> frozenset[str]:
    """The providers that PULUMI_DEBUG_PROVIDERS attaches: the engine needs no plugin of theirs."""
    entries = environment.get("PULUMI_DEBUG_PROVIDERS", "").split(",")
    return frozenset(name for name, _, port in (entry.partition(":") for entry in entries) if name and port)


def packages_of(modules: Sequence[str], environment: Mapping[str, str]) -> list[Package]:
    """The plugins of the installed SDKs ``modules``, of the version that each SDK asks for, without the
    providers that the environment attaches. An SDK that is not installed counts for nothing."""
    found = []
    for module in modules:
        spec = find_spec(module)
        if spec is not None and spec.origin is not None:
            found.append(_read(Path(spec.origin).parent / "pulumi-plugin.json"))
    return _needed(found, environment)


def site_folders(python: str, environment: Mapping[str, str]) -> list[Path]:
    """The site-packages of ``python``; none when the interpreter does not answer. Blocking."""
    try:
        answer = subprocess.run(
            [python, "-I", "-c", _SITE_FOLDERS],
            env=dict(environment),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []  # the run itself will say what is wrong with the interpreter
    return [Path(folder) for folder in sorted(set(answer.stdout.splitlines()))]


def packages_in(folders: Sequence[Path], environment: Mapping[str, str]) -> list[Package]:
    """The plugins of all SDKs in these folders, without the providers that the environment attaches."""
    files = (file for folder in folders for file in sorted(folder.glob("*/pulumi-plugin.json")))
    return _needed((_read(file) for file in files), environment)


def _needed(packages: Iterable[Package | None], environment: Mapping[str, str]) -> list[Package]:
    attached = attached_providers(environment)
    return [package for package in packages if package is not None and package.name not in attached]


def _read(file: Path) -> Package | None:
    """None for an SDK without a plugin of its own: a component library, or a parameterised one, which the
    program registers itself."""
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(data, dict) or not data.get("resource") or data.get("parameterization"):
        return None
    name, version = data.get("name"), data.get("version")
    return Package(str(name), str(version), str(data.get("server") or "")) if name and version else None

"""The project file `Pulumi.yaml`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.engine.settings.documents import SettingsFileError, read_document

EXTENSIONS = (".yaml", ".yml", ".json")
_UNSUPPORTED = ("packages", "requiredPulumiVersion")
_NAME = re.compile(r"^[A-Za-z0-9_.-]{1,100}$")


class ProjectNotFoundError(Exception):
    """Neither the folder nor one above it holds a project file."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"no Pulumi.yaml project file found (searching upwards from {folder}). If you have not "
            "created a project yet, use `pulumi new` to do so: no project file found"
        )


@dataclass(frozen=True)
class Project:
    """A project file as it was read. `root` is the folder it lies in."""

    file: Path
    name: str
    runtime: str
    """"" for a project that only inline programs use."""
    runtime_options: Mapping[str, Any] = field(default_factory=dict)
    main: str = ""
    description: str | None = None
    backend_url: str | None = None
    stack_config_dir: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    always_refreshes: bool = False
    """Whether the project asks for `--refresh` on every operation."""
    plugins: Mapping[str, Path] = field(default_factory=dict)
    """The folders of providers that the project brings along, by package."""
    unsupported: tuple[str, ...] = ()
    """Sections that change how programs run and that this engine does not have."""

    @property
    def root(self) -> Path:
        return self.file.parent

    def stack_settings_file(self, stack: str) -> Path:
        """Where the settings of `stack` are, or would be made."""
        folder = self.root / self.stack_config_dir if self.stack_config_dir else self.root
        for extension in EXTENSIONS:
            candidate = folder / f"Pulumi.{stack}{extension}"
            if candidate.exists():
                return candidate
        return folder / f"Pulumi.{stack}{self.file.suffix}"


def find_project_file(folder: Path) -> Path | None:
    """The project file of `folder` or of the nearest folder above it."""
    for candidate_folder in (folder, *folder.parents):
        for extension in EXTENSIONS:
            candidate = candidate_folder / f"Pulumi{extension}"
            if candidate.is_file():
                return candidate
    return None


def load_project(folder: Path) -> Project:
    """The project that `folder` belongs to.

    Raises ProjectNotFoundError, or SettingsFileError when the file is not a valid project.
    """
    file = find_project_file(folder)
    if file is None:
        raise ProjectNotFoundError(folder)
    return parse_project(file, read_document(file))


def parse_project(file: Path, document: Mapping[str, Any]) -> Project:
    """The project described by `document`, which was read from `file`."""
    if "name" not in document:
        raise SettingsFileError(f"could not validate '{file}': project is missing a 'name' attribute")
    name = document["name"]
    if not isinstance(name, str) or not name:
        raise SettingsFileError(
            f"could not validate '{file}': project 'name' must be a string which is not empty"
        )
    check_project_name(name)
    runtime, options = _runtime(file, document.get("runtime", ""))
    backend, config = document.get("backend") or {}, document.get("config")
    return Project(
        file=file,
        name=name,
        runtime=runtime,
        runtime_options=options,
        main=str(document.get("main") or ""),
        description=document.get("description"),
        backend_url=backend.get("url") if isinstance(backend, dict) else None,
        stack_config_dir=document.get("stackConfigDir"),
        config=config if isinstance(config, dict) else {},
        always_refreshes=(document.get("options") or {}).get("refresh") == "always",
        plugins=_plugins(file, document),
        unsupported=tuple(_unsupported(document)),
    )


def _plugins(file: Path, document: Mapping[str, Any]) -> dict[str, Path]:
    """The folders of the project's own providers."""
    found = {}
    for entry in (document.get("plugins") or {}).get("providers") or ():
        name, path = entry.get("name"), entry.get("path")
        if not name or not path:
            raise SettingsFileError(f"could not validate '{file}': a plugin needs a name and a path")
        found[str(name)] = file.parent / str(path)
    return found


def _unsupported(document: Mapping[str, Any]) -> Iterator[str]:
    yield from (name for name in _UNSUPPORTED if document.get(name))
    yield from (f"plugins.{kind}" for kind in document.get("plugins") or () if kind != "providers")


def check_project_name(name: str) -> None:
    """Raises SettingsFileError unless `name` can be a project's name."""
    if len(name) > 100:
        raise SettingsFileError("a project name cannot exceed 100 characters")
    if not _NAME.match(name):
        raise SettingsFileError(
            "a project name may only contain alphanumerics, hyphens, underscores, and periods"
        )


def _runtime(file: Path, value: object) -> tuple[str, Mapping[str, Any]]:
    if isinstance(value, str):
        return value, {}
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        options = value.get("options") or {}
        if isinstance(options, dict):
            return value["name"], options
    raise SettingsFileError(
        f"could not validate '{file}': 'runtime' must be a name or a map with 'name' and 'options'"
    )

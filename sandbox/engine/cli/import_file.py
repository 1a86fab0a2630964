"""What `pulumi import` is to take in, as its file describes it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from sandbox.engine import urn as urns
from sandbox.engine.cli.errors import CommandError, UnsupportedError
from sandbox.engine.deploy.imports.wanted import Import
from sandbox.engine.deploy.providers.default_resources import PluginSource
from sandbox.engine.properties import PropertyError, PropertyMap, contains_unknowns, from_json

Decrypt = Callable[[str], str]


@dataclass(frozen=True)
class ImportEntry:
    """One resource of the file; `parent` and `provider` are names."""

    type: str = ""
    name: str = ""
    id: str = ""
    parent: str = ""
    provider: str = ""
    version: str = ""
    plugin_download_url: str = field(default="", metadata={"key": "pluginDownloadUrl"})
    properties: tuple[str, ...] = ()
    component: bool = False
    remote: bool = False
    inputs: Mapping[str, Any] | None = None
    outputs: Mapping[str, Any] | None = None
    logical_name: str = field(default="", metadata={"key": "logicalName"})

    def described(self, index: int) -> str:
        """How messages name the resource."""
        text = f"'{self.name or self.id}'" if self.name or self.id else str(index)
        return f"resource {text}" + (f" of type '{self.type}'" if self.type else "")


@dataclass(frozen=True)
class ImportFile:
    """A whole file."""

    resources: Sequence[ImportEntry] = ()
    name_table: Mapping[str, str] = field(default_factory=dict)
    provider_inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read_import_file(path: str) -> ImportFile:
    """The file at `path`. Raises CommandError for one that cannot be read, UnsupportedError for what it asks
    for and this engine does not do."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        return _file(content)
    except OSError as error:
        what = f"open {path}: {(error.strerror or str(error)).lower()}"
        raise CommandError(f"could not read import file: {what}") from error
    except ValueError as error:
        raise CommandError(f"could not read import file: {error}") from error


def _file(content: Any) -> ImportFile:
    content = _of_type(content, dict, "the file")
    resources = _of_type(content.get("resources") or [], list, "resources")
    return ImportFile(
        [_entry(_of_type(item, dict, f"resource {i}"), i) for i, item in enumerate(resources)],
        _of_type(content.get("nameTable") or {}, dict, "nameTable"),
        _of_type(content.get("providerInputs") or {}, dict, "providerInputs"),
    )


def _entry(item: Mapping[str, Any], index: int) -> ImportEntry:
    for key in ("parameterization", "extension"):
        if item.get(key):
            raise UnsupportedError(f"the `{key}` of a resource to import")
    values = {}
    for entry_field in fields(ImportEntry):
        key = entry_field.metadata.get("key", entry_field.name)
        value = item.get(key)
        if value is None:
            continue
        kind = _KINDS.get(key, str)
        values[entry_field.name] = _of_type(value, kind, f"`{key}` of resource {index}")
    if "properties" in values:
        values["properties"] = tuple(values["properties"])
    return ImportEntry(**values)


_KINDS = {"properties": list, "component": bool, "remote": bool, "inputs": dict, "outputs": dict}


def _of_type(value: Any, kind: type, what: str) -> Any:
    if not isinstance(value, kind):
        names = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
        raise ValueError(f"{what} is not {names[kind]}")  # noqa: TRY004 - the file's content is wrong
    return value


def imports_of(
    file: ImportFile, *, stack: str, project: str, protect: bool, decrypt: Decrypt
) -> tuple[Import, ...]:
    """The imports that the file describes. Raises CommandError with everything that is wrong with it."""
    entries = [_with_both_names(entry) for entry in file.resources]
    problems = [problem for i, entry in enumerate(file.resources) for problem in _problems(entry, i)]
    _raise(problems)
    names = _Names(file, entries, stack, project)
    _raise(names.problems)
    reader = _ImportReader(file, names, protect, decrypt)
    imports = tuple(reader.read(i, entry) for i, entry in enumerate(entries))
    _raise(reader.problems)
    return imports


def _with_both_names(entry: ImportEntry) -> ImportEntry:
    return replace(
        entry, name=entry.name or entry.logical_name, logical_name=entry.logical_name or entry.name
    )


def _problems(entry: ImportEntry, index: int) -> list[str]:
    """What is wrong with one resource by itself."""
    who = entry.described(index)
    found = []
    if not entry.type:
        found.append(f"{who} has no type")
    if not entry.name and not entry.logical_name:
        found.append(f"{who} has no name")
    if urns.is_provider_type(entry.type):
        if entry.id:
            found.append(f"{who} has an ID, but is a provider, which is created rather than read")
        if entry.component:
            found.append(f"{who} is a provider and may not be marked as a component")
        if entry.outputs:
            found.append(f"{who} is a provider and may not have outputs")
    elif not entry.component and not entry.id:
        found.append(f"{who} has no ID")
    elif entry.component and entry.id:
        found.append(f"{who} has an ID, but is marked as a component")
    if entry.remote and not entry.component:
        found.append(f"{who} is marked as remote, but not as a component")
    return found


class _Names:
    """The URNs that names stand for. `problems` has what is wrong with the names."""

    def __init__(self, file: ImportFile, entries: Sequence[ImportEntry], stack: str, project: str) -> None:
        self.problems: list[str] = []
        self._stack, self._project = stack, project
        counted = Counter(entry.name for entry in entries)
        self._ambiguous = {name for name, count in counted.items() if count > 1}
        self._table = file.name_table
        self._urns: dict[str, str] = dict(file.name_table)
        self._known = set(counted) | set(file.name_table)
        self._taken = set(file.name_table.values())
        waiting = dict(enumerate(entries))
        while waiting and not self.problems:
            ready = {i: entry for i, entry in waiting.items() if self._is_ready(entry, waiting)}
            if not ready:
                self.problems.append("the parents of the resources go round in a circle")
            for i, entry in ready.items():
                self._add(i, entry)
                del waiting[i]

    def urn(self, name: str) -> str | None:
        """The URN of a name, None for one that stands for nothing."""
        return self._urns.get(name)

    def is_ambiguous(self, name: str) -> bool:
        """Whether several resources have the name."""
        return name in self._ambiguous

    def _is_ready(self, entry: ImportEntry, waiting: Mapping[int, ImportEntry]) -> bool:
        parent = entry.parent
        if not parent or parent in self._table or parent not in self._known:
            return True
        return all(other.name != parent for other in waiting.values())

    def _add(self, index: int, entry: ImportEntry) -> None:
        parent_type = ""
        if entry.parent:
            if self.is_ambiguous(entry.parent):
                self.problems.append(f"{entry.described(index)} has an ambiguous parent")
            parent = self._urns.get(entry.parent)
            if parent is None:
                self.problems.append(
                    f"the parent '{entry.parent}' for {entry.described(index)} has no entry in 'nameTable'"
                )
            else:
                parent_type = urns.parent_type_of(urns.check(parent))
        urn = urns.make(self._stack, self._project, parent_type, entry.type, entry.logical_name)
        if urn in self._taken:
            self.problems.append(
                f"{entry.described(index)} has an ambiguous URN, set name (or logical name) to be unique"
            )
        self._taken.add(urn)
        self._urns[entry.name] = urn


class _ImportReader:
    """Reads imports from entries. `problems` has what is wrong with them."""

    def __init__(self, file: ImportFile, names: _Names, protect: bool, decrypt: Decrypt) -> None:
        self.problems: list[str] = []
        self._file, self._names, self._protect, self._decrypt = file, names, protect, decrypt

    def read(self, index: int, entry: ImportEntry) -> Import:
        """The import of an entry."""
        who = entry.described(index)
        is_provider = urns.is_provider_type(entry.type)
        inputs: Mapping[str, Any] | None = entry.inputs
        if is_provider and inputs is None:
            inputs = self._file.provider_inputs.get(entry.name)
        return Import(
            type=entry.type,
            name=entry.logical_name,
            identity=entry.id,
            parent=(self._names.urn(entry.parent) or "") if entry.parent else "",
            provider=self._provider(entry, who) if entry.provider else "",
            source=PluginSource(entry.version.removeprefix("v"), entry.plugin_download_url),
            protect=self._protect,
            properties=entry.properties,
            inputs=self._values(inputs, "provider inputs" if is_provider else "inputs", who),
            outputs=None if is_provider else self._values(entry.outputs, "outputs", who),
            provider_inputs=self._values(
                self._file.provider_inputs.get(entry.provider), "provider inputs", who
            ),
            component=entry.component,
            remote=entry.remote,
        )

    def _provider(self, entry: ImportEntry, who: str) -> str:
        if self._names.is_ambiguous(entry.provider):
            self.problems.append(f"{who} has an ambiguous provider")
        urn = self._names.urn(entry.provider)
        if urn is None:
            self.problems.append(
                f"the provider '{entry.provider}' for {who} has no entry in 'nameTable' or 'resources'"
            )
        elif not urns.is_valid(urn) or not urns.is_provider_type(urns.type_of(urn)):
            self.problems.append(f"the provider '{entry.provider}' for {who} is not a provider")
        return urn or ""

    def _values(self, values: Mapping[str, Any] | None, what: str, who: str) -> PropertyMap | None:
        if values is None:
            return None
        try:
            read = {key: from_json(value, self._decrypt) for key, value in values.items()}
        except (PropertyError, ValueError) as error:
            self.problems.append(f"could not deserialize {what} for {who}: {error}")
            return None
        if contains_unknowns(read):
            self.problems.append(
                f"the {what} for {who} contain unknown values; fill them in before importing"
            )
        return read


def _raise(problems: Sequence[str]) -> None:
    if len(problems) == 1:
        raise CommandError(problems[0])
    if problems:
        listed = "\n".join(f"    {number}) {problem}" for number, problem in enumerate(problems, 1))
        raise CommandError(f"{len(problems)} errors occurred:\n{listed}")

"""Differences between a resource's state and its desired inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.aws.provider.same_value import is_empty, same
from sandbox.aws.provider.schema import Change, Field, Kind
from sandbox.aws.provider.wire import holds_unknown


@dataclass(frozen=True)
class Difference:
    """One changed value: its path ("tags.team", "rules[0].id"), its input, and the required change."""

    path: str
    change: Change
    added: bool = False
    deleted: bool = False

    @property
    def input(self) -> str:
        """The name of the input that contains the change."""
        return self.path.split(".", 1)[0].split("[", 1)[0]


def differences(
    fields: Mapping[str, Field],
    state: Mapping[str, Any],
    wanted: Mapping[str, Any],
    ignored: Iterable[str] = (),
) -> list[Difference]:
    """Every difference that requires a change, in the order of the inputs.

    state: the resource's last known outputs; wanted: checked inputs, with secrets revealed.
    """
    ignored_paths = tuple(ignored)
    found = [
        difference
        for name, field in fields.items()
        for difference in _field_differences(field, name, state.get(name), wanted.get(name))
    ]
    return [
        difference
        for difference in found
        if difference.change is not Change.NONE and not _is_ignored(difference.path, ignored_paths)
    ]


def _field_differences(field: Field, path: str, found: Any, wanted: Any) -> Iterator[Difference]:
    if wanted is None and field.computed:
        return
    if isinstance(wanted, Mapping) and isinstance(found, Mapping | None):
        yield from _part_differences(field, path, found or {}, wanted)
    elif holds_unknown(wanted) or not same(field, wanted, found):
        yield Difference(
            path, field.change, added=is_empty(found), deleted=wanted is None or wanted in ("", [], {})
        )


def _part_differences(
    field: Field, path: str, found: Mapping[str, Any], wanted: Mapping[str, Any]
) -> Iterator[Difference]:
    if field.kind is Kind.MAP:
        entry = Field(Kind.STRING, field.change)
        for name in sorted({*found, *wanted}):
            yield from _entry_differences(entry, _member(path, name), found.get(name), wanted.get(name))
        return
    for name, part in (field.fields or {}).items():
        yield from _field_differences(part, f"{path}.{name}", found.get(name), wanted.get(name))


def _entry_differences(entry: Field, path: str, found: Any, wanted: Any) -> Iterator[Difference]:
    if found != wanted or holds_unknown(wanted):
        yield Difference(path, entry.change, added=found is None, deleted=wanted is None)


def _member(path: str, name: str) -> str:
    plain = name.replace("_", "").replace("-", "").isalnum()
    return f"{path}.{name}" if plain else f'{path}["{name}"]'


def _is_ignored(path: str, ignored: tuple[str, ...]) -> bool:
    return any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in ignored)

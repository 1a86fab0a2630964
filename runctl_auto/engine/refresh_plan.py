"""What a refresh would find changed in the cloud: resources that are gone, and properties that differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from runctl_auto.stack.urn import name_of

_MASK = "[secret]"
_INTERNAL = "__"
_LONGEST_VALUE = 300
_TAGS, _ALL_TAGS = "tags.", "tagsAll."

Kind = Literal["changed", "gone"]


@dataclass(frozen=True)
class Difference:
    """One property: what the state holds and what the cloud has; None for none.

    Of a secret one both are None: only that it is one is told.
    """

    property: str
    was: str | None
    now: str | None
    secret: bool = False

    def as_json(self) -> dict[str, Any]:
        return {"property": self.property, "was": self.was, "is": self.now, "secret": self.secret}


@dataclass(frozen=True)
class ResourceDrift:
    """One resource of the state that is gone or that somebody has changed."""

    kind: Kind
    urn: str
    type: str
    id: str
    protected: bool = False
    differences: tuple[Difference, ...] = ()

    @property
    def name(self) -> str:
        """The resource's logical name."""
        return name_of(self.urn)


def differences(
    inputs: Mapping[str, Any],
    found_inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    found_outputs: Mapping[str, Any],
) -> tuple[Difference, ...]:
    """The properties of a resource that the cloud has otherwise than the state, by path.

    Only those that the program sets count: what a provider computes changes without anybody's doing.
    """
    found: dict[str, Difference] = {}
    for name in sorted(inputs):
        if name.startswith(_INTERNAL):
            continue
        if name in found_inputs:
            found.update(_different(name, inputs[name], found_inputs[name]))
        if name in outputs:
            found.update(_different(name, outputs[name], found_outputs.get(name)))
    return tuple(found[path] for path in sorted(found) if not _repeats(path, found))


def _repeats(path: str, found: Mapping[str, Difference]) -> bool:
    """Whether a difference of all tags is one of the resource's own tags, which is told already."""
    return path.startswith(_ALL_TAGS) and f"{_TAGS}{path.removeprefix(_ALL_TAGS)}" in found


def _different(path: str, was: Any, now: Any) -> Iterator[tuple[str, Difference]]:
    if was == now or (_is_empty(was) and _is_empty(now)):
        return
    if _MASK in (was, now):
        yield path, Difference(path, None, None, secret=True)
    elif isinstance(was, Mapping) and isinstance(now, Mapping):
        for name in sorted({*was, *now}):
            if not name.startswith(_INTERNAL):
                yield from _different(f"{path}.{name}", was.get(name), now.get(name))
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for index, (before, after) in enumerate(zip(was, now, strict=True)):
            yield from _different(f"{path}[{index}]", before, after)
    else:
        yield path, Difference(path, _told(was), _told(now))


def _is_empty(value: Any) -> bool:
    return value is None or value in ({}, [])


def _told(value: Any) -> str | None:
    """The value as text; a long one is cut, and one in which something is secret is not told."""
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    if _MASK in text:
        return _MASK
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"

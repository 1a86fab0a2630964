"""The shapes of requests and answers, as the digest of RunPod's description writes them.

A shape is an object of fields, the optional ones with a `?`, or a text: `string`, `integer`, `number`,
`boolean`, `object`, a choice `A|B`, `@Name` of another shape, `[shape]` a list, `{shape}` an object of any
names, each with ` or null` behind it where null is allowed, and with bounds (`integer 1..`, `string 1..191`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DIGEST = Path(__file__).with_name("digest.json")
_OR_NULL = " or null"
_PLAIN: Mapping[str, Callable[[object], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
}


@dataclass(frozen=True)
class Digest:
    """The operations, `METHOD /path`, and the named shapes."""

    operations: Mapping[str, Mapping[str, Any]]
    shapes: Mapping[str, Any]

    def violations(self, shape: Any, value: object, where: str = "") -> Iterator[str]:
        """What is wrong with a value of this shape, one sentence each. Unknown fields are wrong."""
        if isinstance(shape, Mapping):
            yield from self._of_object(shape, value, where)
        elif shape.endswith(_OR_NULL):
            if value is not None:
                yield from self.violations(shape.removesuffix(_OR_NULL), value, where)
        elif shape.startswith("@"):
            yield from self.violations(self.shapes[shape[1:]], value, where)
        elif shape.startswith("["):
            yield from self._of_list(shape[1:-1], value, where)
        elif shape.startswith("{"):
            yield from self._of_map(shape[1:-1], value, where)
        else:
            yield from _of_plain(shape, value, where)

    def _of_object(self, shape: Mapping[str, Any], value: object, where: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{where or 'the body'}: is no object"
            return
        fields = {name.removesuffix("?"): each for name, each in shape.items()}
        for name in shape:
            if not name.endswith("?") and name not in value:
                yield f"{_inside(where, name)}: is missing"
        for name, each in value.items():
            if name not in fields:
                yield f"{_inside(where, name)}: is not known"
            else:
                yield from self.violations(fields[name], each, _inside(where, name))

    def _of_list(self, shape: str, value: object, where: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{where}: is no list"
            return
        for index, each in enumerate(value):
            yield from self.violations(shape, each, f"{where}[{index}]")

    def _of_map(self, shape: str, value: object, where: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{where}: is no object"
            return
        for name, each in value.items():
            yield from self.violations(shape, each, _inside(where, name))


@cache
def digest() -> Digest:
    """The digest of the description, as it lies beside this module."""
    content = json.loads(DIGEST.read_text(encoding="utf-8"))
    return Digest(content["operations"], content["shapes"])


def _inside(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _of_plain(shape: str, value: object, where: str) -> Iterator[str]:
    kind, _, bounds = shape.partition(" ")
    if kind not in _PLAIN:
        if value not in kind.split("|"):
            yield f"{where}: is none of {kind}"
        return
    if not _PLAIN[kind](value):
        yield f"{where}: is no {kind}"
    elif bounds:
        yield from _out_of_bounds(bounds, value, where)


def _out_of_bounds(bounds: str, value: Any, where: str) -> Iterator[str]:
    least, _, most = bounds.partition("..")
    size = len(value) if isinstance(value, str) else value
    if (least and size < int(least)) or (most and size > int(most)):
        yield f"{where}: is not within {bounds}"

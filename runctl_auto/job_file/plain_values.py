"""Converts nodes of a YAML file to plain values, with the position and the source text of each.

Avoids YAML 1.1's surprises: only plainly written numbers are numbers (``010``, ``1_000``, ``12:30`` and
``0x1F`` stay texts), dates stay texts; tags and repeated keys are faults. A merge key (``<<``) fills in what
its mapping does not write itself; a value that was merged has the position of where it is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from runctl_auto.job_file.yaml_tree import Position, position_of
from runctl_auto.local.printable import shortened

Location = tuple[str | int, ...]

_PREFIX = "tag:yaml.org,2002:"
_TEXTS = frozenset({"str", "timestamp", "value"})
_NUMBERS = {
    "int": re.compile("-?(0|[1-9][0-9]{0,17})"),
    "float": re.compile(
        r"-?([0-9]{1,18}\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?|[-+]?\.(inf|nan)", re.IGNORECASE
    ),
}
_NO_CHARACTER = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True)
class Fault:
    """A value at ``location`` that is not plain; ``hides_value`` when no value replaces it."""

    location: Location
    position: Position
    message: str
    found: str | None = None
    hides_value: bool = True


class PlainValues:
    """The values of one file. ``faults`` are complete once ``mapping`` has returned."""

    def __init__(self) -> None:
        self._constructor = yaml.constructor.SafeConstructor()
        self._resolver = yaml.resolver.Resolver()
        self.positions: dict[Location, Position] = {}
        self.texts: dict[Location, str] = {}
        self.faults: list[Fault] = []

    def mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Any]:
        """The mapping at ``location``; for a repeated key, its first value."""
        self._place(location, node)
        values: dict[str, Any] = {}
        merged: list[yaml.MappingNode] = []
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._fault(location, key_node, "has a key that is not a plain text", hides=False)
                continue
            key = str(key_node.value)
            here = (*location, key)
            if key_node.tag == f"{_PREFIX}merge":
                merged.extend(self._merged(value_node, here))
            elif _NO_CHARACTER.search(key):
                self._fault(here, key_node, "has a key with a character that no text may hold")
            elif key in values:
                first = self.positions[here].line
                self._fault(here, key_node, f"stands here again; first on line {first}", hides=False)
            else:
                self.positions[here] = position_of(key_node.start_mark)
                values[key] = self._value(value_node, here)
        for each in merged:
            self._fill_in(values, each, location)
        return values

    def _merged(self, node: yaml.Node, location: Location) -> Iterator[yaml.MappingNode]:
        """The mappings that a merge key names: one, or a list of which the first takes precedence."""
        for each in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if isinstance(each, yaml.MappingNode) and each.tag == f"{_PREFIX}map":
                yield each
            else:
                self._fault(location, each, "merges what is not a mapping")

    def _fill_in(self, values: dict[str, Any], source: yaml.MappingNode, location: Location) -> None:
        own = PlainValues()
        found = own.mapping(source, location)
        new = found.keys() - values.keys()
        values.update((key, value) for key, value in found.items() if key in new)

        def is_new(place: Location) -> bool:
            return len(place) > len(location) and place[len(location)] in new

        self.positions.update((place, each) for place, each in own.positions.items() if is_new(place))
        self.texts.update((place, each) for place, each in own.texts.items() if is_new(place))
        self.faults.extend(fault for fault in own.faults if is_new(fault.location))

    def _value(self, node: yaml.Node, location: Location) -> Any:
        if isinstance(node, yaml.ScalarNode):
            self._place(location, node)
            self.texts[location] = f'"{node.value}"' if node.style in ("'", '"') else str(node.value)
            return self._scalar(node, location)
        if node.tag not in (f"{_PREFIX}map", f"{_PREFIX}seq"):
            self._fault(location, node, f"has the tag {shortened(_tag(node))}, which is not read; remove it")
            return None
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, location)
        self._place(location, node)
        return [self._value(item, (*location, index)) for index, item in enumerate(node.value)]

    def _scalar(self, node: yaml.ScalarNode, location: Location) -> Any:
        text, kind = str(node.value), node.tag.removeprefix(_PREFIX)
        if _NO_CHARACTER.search(text):
            self._fault(location, node, "holds a character that no text may hold", found=shortened(text))
            return None
        if kind in _TEXTS:
            return text
        if kind not in ("int", "float", "bool", "null"):
            self._fault(location, node, f"has the tag {shortened(_tag(node))}, which is not read; remove it")
            return None
        as_written = _NUMBERS.get(kind)
        if as_written and not as_written.fullmatch(text) and self._is_untagged(node):
            return text
        try:
            return self._constructor.construct_object(node)
        except (yaml.YAMLError, ValueError, KeyError):  # a tag that does not match the text, such as !!bool x
            self._fault(location, node, "is not a plain value", found=shortened(text))
            return None

    def _is_untagged(self, node: yaml.ScalarNode) -> bool:
        tag: str = self._resolver.resolve(yaml.ScalarNode, node.value, (True, False))  # type: ignore[no-untyped-call]
        return tag == node.tag

    def _place(self, location: Location, node: yaml.Node) -> None:
        self.positions.setdefault(location, position_of(node.start_mark))

    def _fault(
        self,
        location: Location,
        node: yaml.Node,
        message: str,
        *,
        found: str | None = None,
        hides: bool = True,
    ) -> None:
        self.faults.append(Fault(location, position_of(node.start_mark), message, found, hides))


def _tag(node: yaml.Node) -> str:
    tag = str(node.tag)
    return f"!!{tag.removeprefix(_PREFIX)}" if tag.startswith(_PREFIX) else tag

"""Differences between two maps of property values, and their text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.engine.display.markup import RESET
from sandbox.engine.display.op_text import OPS
from sandbox.engine.display.values import (
    fields,
    is_internal,
    is_primitive,
    is_worth_showing,
    primitive,
    source,
)

_ABSENT = object()


def changed_keys(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[list[str], list[str], list[str]]:
    """The names of properties that were added, deleted and changed, each in order."""
    keys = sorted(key for key in {*old, *new} if not is_internal(key))
    added = [key for key in keys if key not in old and is_worth_showing(new[key])]
    deleted = [key for key in keys if key not in new and is_worth_showing(old[key])]
    changed = [key for key in keys if key in old and key in new and old[key] != new[key]]
    return added, deleted, changed


@dataclass(frozen=True)
class Printer:
    """Prints values at an indentation. `signed` lines bear the operation's sign at their beginning."""

    write: Callable[[str], None]
    indent: int
    op: str = "same"
    signed: bool = False

    def at(self, op: str, *, signed: bool = True) -> Printer:
        """The same place for another operation."""
        return Printer(self.write, self.indent, op, signed)

    def deeper(self, levels: int = 1) -> Printer:
        """Further in."""
        return Printer(self.write, self.indent + levels, self.op, self.signed)

    def text(self, text: str) -> None:
        """Text in the operation's colour."""
        self.write(f"{OPS[self.op].colour}{text}{RESET}")

    def start(self, text: str) -> None:
        """The beginning of a line."""
        space = "    " * self.indent
        self.text((space[:-2] + OPS[self.op].sign if self.signed and space else space) + text)

    def close(self, text: str) -> None:
        """The end of a structure, never signed."""
        self.text("    " * self.indent + text)

    def properties(self, values: Mapping[str, Any]) -> None:
        """All properties, aligned."""
        keys = [key for key in sorted(values) if not is_internal(key)]
        width = max(map(len, keys), default=0)
        for key in keys:
            self.start(f"{key:<{width}}: ")
            self.value(values[key])

    def value(self, value: Any) -> None:
        """A value, with the end of its last line."""
        self._value(value)
        self.text("\n")

    def _value(self, value: Any) -> None:
        if isinstance(value, list) and value:
            self.text("[\n")
            for index, item in enumerate(value):
                self.start(f"    [{index}]: ")
                self.deeper().value(item)
            self.close("]")
        elif isinstance(value, dict) and value:
            line = source(value)
            if line is not None:
                self.text(line)
                return
            self.text("{\n")
            self.deeper().properties(fields(value))
            self.close("}")
        elif is_primitive(value):
            self.text(primitive(value))
        else:
            self.text("[]" if isinstance(value, list) else "{}")

    def difference(
        self,
        old: Mapping[str, Any],
        new: Mapping[str, Any],
        *,
        only: Iterable[str] | None = None,
        show_sames: bool = True,
    ) -> None:
        """How `new` differs from `old`; unchanged properties too with `show_sames`."""
        keys = sorted(key for key in {*old, *new} if not is_internal(key))
        if only is not None:
            wanted = set(only)
            keys = [key for key in keys if key in wanted]
        width = max(map(len, keys), default=0)
        for key in keys:
            before, after = old.get(key, _ABSENT), new.get(key, _ABSENT)
            self._entry(f"{key:<{width}}: ", before, after, show_sames=show_sames)

    def _entry(self, title: str, before: Any, after: Any, *, show_sames: bool) -> None:
        if before is _ABSENT or (not is_worth_showing(before) and before != after):
            self._one(title, after, "create")
        elif after is _ABSENT or (not is_worth_showing(after) and before != after):
            self._one(title, before, "delete")
        elif before == after:
            if show_sames and is_worth_showing(after):
                same = self.at("same", signed=False)
                same.start(title)
                same.value(after)
        else:
            self.at("update")._change(title, before, after, show_sames=show_sames)

    def _one(self, title: str, value: Any, op: str) -> None:
        if value is _ABSENT or not is_worth_showing(value):
            return
        printer = self.at(op)
        printer.start(title)
        printer.value(value)

    def _change(self, title: str, before: Any, after: Any, *, show_sames: bool) -> None:
        if isinstance(before, dict) and isinstance(after, dict) and source(before) is None:
            self.start(title)
            self.text("{\n")
            self.deeper().difference(fields(before), fields(after), show_sames=show_sames)
            self.close("}\n")
        elif isinstance(before, list) and isinstance(after, list):
            self._lists(title, before, after, show_sames=show_sames)
        elif _one_line(before) and _one_line(after):
            self.start(title)
            self.at("delete")._value(before)
            self.text(" => ")
            self.at("create")._value(after)
            self.text("\n")
        else:
            self._one(title, before, "delete")
            self._one(title, after, "create")

    def _lists(self, title: str, before: list[Any], after: list[Any], *, show_sames: bool) -> None:
        self.start(title)
        self.text("[\n")
        inner = self.deeper()
        for index in range(max(len(before), len(after))):
            old = before[index] if index < len(before) else _ABSENT
            new = after[index] if index < len(after) else _ABSENT
            inner._entry(f"[{index}]: ", old, new, show_sames=show_sames)
        self.close("]\n")


def _one_line(value: Any) -> bool:
    return is_primitive(value) or (isinstance(value, dict) and source(value) is not None)

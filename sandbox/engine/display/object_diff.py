"""Differences between two maps of property values, and their text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
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


def changed_keys(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[list[str], list[str], list[str]]:
    """The names of properties that were added, deleted and changed, each in order."""
    keys = sorted(key for key in {*old, *new} if not is_internal(key))
    added = [key for key in keys if old.get(key) is None and new.get(key) is not None]
    deleted = [key for key in keys if new.get(key) is None and old.get(key) is not None]
    changed = [key for key in keys if None not in (old.get(key), new.get(key)) and old[key] != new[key]]
    return added, deleted, changed


@dataclass(frozen=True)
class Printer:
    """Prints values at an indentation. `signed` lines bear the operation's sign at their beginning."""

    write: Callable[[str], None]
    indent: int
    op: str = "same"
    signed: bool = False
    hang: int = 0
    """How much further in than its title a value stands."""

    def at(self, op: str, *, signed: bool = True) -> Printer:
        """The same place for another operation."""
        return replace(self, op=op, signed=signed)

    def deeper(self, levels: int = 1) -> Printer:
        """Further in."""
        return replace(self, indent=self.indent + levels, hang=0)

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
        if is_primitive(value):
            self.text(primitive(value))
        elif isinstance(value, list) and value:
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
            self._entry(f"{key:<{width}}: ", old.get(key), new.get(key), show_sames=show_sames)

    def _entry(self, title: str, before: Any, after: Any, *, show_sames: bool) -> None:
        if before is None or after is None:
            value, op = (after, "create") if before is None else (before, "delete")
            if value is not None:
                self._one(title, value, op)
        elif before == after:
            if show_sames and is_worth_showing(after):
                self._one(title, after, "same")
        else:
            self.at("update")._change(title, before, after, show_sames=show_sames)

    def _one(self, title: str, value: Any, op: str) -> None:
        printer = self.at(op, signed=op != "same")
        printer.start(title)
        printer.deeper(self.hang).value(value)

    def _change(self, title: str, before: Any, after: Any, *, show_sames: bool) -> None:
        body = self.deeper(self.hang)
        if _is_map(before) and _is_map(after):
            self.start(title)
            self.text("{\n")
            body.deeper().difference(fields(before), fields(after), show_sames=show_sames)
            body.close("}\n")
        elif isinstance(before, list) and isinstance(after, list):
            self.start(title)
            self.text("[\n")
            body._items(before, after, show_sames=show_sames)
            body.close("]\n")
        elif all(_one_line(value) and is_worth_showing(value) for value in (before, after)):
            self.start(title)
            self.at("delete")._value(before)
            self.text(" => ")
            self.at("create")._value(after)
            self.text("\n")
        else:
            for value, op in ((before, "delete"), (after, "create")):
                if is_worth_showing(value):
                    self._one(title, value, op)

    def _items(self, before: list[Any], after: list[Any], *, show_sames: bool) -> None:
        inner = replace(self, indent=self.indent + 1, hang=1)
        for index in range(max(len(before), len(after))):
            old = before[index] if index < len(before) else None
            new = after[index] if index < len(after) else None
            inner._entry(f"[{index}]: ", old, new, show_sames=show_sames)


def _is_map(value: Any) -> bool:
    return isinstance(value, dict) and not is_primitive(value) and source(value) is None


def _one_line(value: Any) -> bool:
    return is_primitive(value) or (isinstance(value, dict) and source(value) is not None)

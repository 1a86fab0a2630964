"""Differences between two maps of property values, and their text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sandbox.engine.display import text_diff
from sandbox.engine.display.encoded import Decoded, decoded
from sandbox.engine.display.markup import RESET
from sandbox.engine.display.op_text import OPS
from sandbox.engine.display.values import (
    cut,
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
    short: bool = False
    """Whether long texts are cut."""

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
        text = cut(text) if self.short else text
        self.text((space[:-2] + OPS[self.op].sign if self.signed and space else space) + text)

    def close(self, text: str) -> None:
        """The end of a structure, never signed."""
        self.text("    " * self.indent + text)

    def properties(self, values: Mapping[str, Any], *, width: int = 0) -> None:
        """All properties, aligned, their names at least `width` wide."""
        keys = [key for key in sorted(values) if not is_internal(key)]
        width = max([width, *map(len, keys)])
        for key in keys:
            self.start(f"{key:<{width}}: ")
            self.value(values[key])

    def value(self, value: Any) -> None:
        """A value, with the end of its last line."""
        self._value(value)
        self.text("\n")

    def _value(self, value: Any) -> None:
        holds = decoded(value) if isinstance(value, str) else None
        if holds is not None:
            self.text(f"({holds.kind}) ")
            self.value(holds.value)
        elif is_primitive(value):
            self.text(primitive(cut(value) if self.short and isinstance(value, str) else value))
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
        width: int = 0,
    ) -> None:
        """How `new` differs from `old`; unchanged properties too with `show_sames`. Names are at least
        `width` wide."""
        keys = sorted(key for key in {*old, *new} if not is_internal(key))
        if only is not None:
            wanted = set(only)
            keys = [key for key in keys if key in wanted]
        width = max([width, *map(len, keys)])
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
        if isinstance(before, str) and isinstance(after, str):
            self.start(title)
            self.deeper(self.hang)._text_change(before, after, show_sames=show_sames)
        elif (_is_map(before) and _is_map(after)) or (isinstance(before, list) and isinstance(after, list)):
            self.start(title)
            self._structure(before, after, show_sames=show_sames)
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

    def _structure(self, before: Any, after: Any, *, show_sames: bool) -> None:
        """The change of a map or list, whose title stands already."""
        body = self.deeper(self.hang)
        if isinstance(before, dict):
            self.text("{\n")
            body.deeper().difference(fields(before), fields(after), show_sames=show_sames)
            body.close("}\n")
        else:
            self.text("[\n")
            body._items(before, after, show_sames=show_sames)
            body.close("]\n")

    def _text_change(self, before: str, after: str, *, show_sames: bool) -> None:
        """The change of a text, whose title stands already."""
        old, new = decoded(before), decoded(after)
        if old is not None and new is not None:
            self._encoded_change(before, after, old, new, show_sames=show_sames)
        elif "\n" in before or "\n" in after:
            self._line_change(before, after)
        else:
            self._character_change(before, after)

    def _encoded_change(
        self, before: str, after: str, old: Decoded, new: Decoded, *, show_sames: bool
    ) -> None:
        if old.value == new.value:
            self._character_change(primitive(before), primitive(after))
            return
        self.text(f"({old.kind}) " if old.kind == new.kind else f"({old.kind} => {new.kind}) ")
        if type(old.value) is type(new.value):
            self._structure(old.value, new.value, show_sames=show_sames)
            return
        self.at("delete").value(old.value)
        self.at("create").value(new.value)

    def _line_change(self, before: str, after: str) -> None:
        self.text("\n")
        for op, line in text_diff.lines(before, after):
            printer = self.deeper().at(op, signed=op != "same")
            if line == text_diff.ELLIPSIS:
                printer.start(f"{line}\n")
                continue
            printer.start(line)
            self.write("\n")

    def _character_change(self, before: str, after: str) -> None:
        pieces = text_diff.characters(before, after)
        for left_out, end in (("create", '"'), ("delete", '"\n')):
            self.text('"')
            for op, text in pieces:
                if op != left_out:
                    self.at(op).text(primitive(text)[1:-1])
            self.text(end)
            if left_out == "create":
                self.text(" => ")

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

"""Reads a YAML file that a person wrote, keeping where everything stands.

Only plain trees are read: anchors, aliases, merge keys and repeated keys are refused, depth and size are
bounded, and what is not a regular file is not opened.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from runctl_auto.errors import FieldProblem, JobFileError

MAX_BYTES = 64 * 1024
MAX_DEPTH = 12

Location = tuple[str | int, ...]


@dataclass(frozen=True)
class Position:
    """A place in the file, both counted from 1."""

    line: int
    column: int


@dataclass
class JobDocument:
    """The values of a file, with the position and the written text of each."""

    file: str
    values: dict[str, Any]
    positions: dict[Location, Position] = field(default_factory=dict)
    texts: dict[Location, str] = field(default_factory=dict)

    def position(self, location: Location) -> Position | None:
        """Where ``location`` stands, or the nearest thing around it that is written in the file."""
        for length in range(len(location), -1, -1):
            if location[:length] in self.positions:
                return self.positions[location[:length]]
        return None


def read_job_document(path: Path, defaults: Mapping[str, Any] | None = None) -> JobDocument:
    """The document at ``path``; ``defaults`` fill top-level keys that it leaves out.

    Raises JobFileError with every position it knows when the file cannot be read as a plain mapping.
    """
    file = str(path)
    text = _decode(file, _read_bytes(path))
    _refuse_what_is_not_a_plain_tree(file, text)
    root = _compose(file, text)
    if not isinstance(root, yaml.MappingNode):
        raise _refusal(
            file, "the file is not a mapping of fields", Position(1, 1), allowed="name: ..., run: ..."
        )
    builder = _Builder(file)
    values = builder.mapping(root, ())
    if builder.problems:
        raise JobFileError("the job file is not valid", problems=builder.problems, where={"file": file})
    return JobDocument(file, {**(defaults or {}), **values}, builder.positions, builder.texts)


def _refusal(
    file: str,
    message: str,
    position: Position | None = None,
    *,
    found: str | None = None,
    allowed: str | None = None,
) -> JobFileError:
    problem = FieldProblem(
        file=file,
        line=position.line if position else None,
        column=position.column if position else None,
        field="",
        message=message,
        found=found,
        allowed=allowed,
    )
    return JobFileError("the job file cannot be read", problems=[problem], where={"file": file})


def _read_bytes(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _refusal(str(path), f"cannot be opened: {error.strerror or error}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _refusal(str(path), "is not a regular file")
    with os.fdopen(descriptor, "rb") as stream:
        content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise _refusal(str(path), "is too large", allowed=f"at most {MAX_BYTES // 1024} KB")
    return content


def _decode(file: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        position = Position(before.count(b"\n") + 1, len(before) - before.rfind(b"\n"))
        raise _refusal(
            file, "is not UTF-8 text", position, found=f"the byte 0x{content[error.start]:02x}"
        ) from error


def _refuse_what_is_not_a_plain_tree(file: str, text: str) -> None:
    depth = documents = 0
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            position = _position(event.start_mark) if event.start_mark else None
            if isinstance(event, yaml.AliasEvent):
                raise _refusal(file, "aliases are not supported", position, found=f"*{event.anchor}")
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _refusal(file, "holds a second document", position, allowed="one job a file")
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise _refusal(file, "is nested too deeply", position, allowed=f"at most {MAX_DEPTH} levels")
    except yaml.YAMLError as error:
        raise _syntax_refusal(file, error) from error
    except RecursionError as error:
        raise _refusal(file, "is nested too deeply", allowed=f"at most {MAX_DEPTH} levels") from error


def _compose(file: str, text: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise _syntax_refusal(file, error) from error


def _syntax_refusal(file: str, error: yaml.YAMLError) -> JobFileError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return _refusal(file, f"is not YAML: {problem}", _position(mark) if mark else None)


def _position(mark: Any) -> Position:
    return Position(mark.line + 1, mark.column + 1)


class _Builder:
    """Turns nodes into values, one problem for each thing that has no plain value."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._constructor = yaml.constructor.SafeConstructor()
        self.positions: dict[Location, Position] = {}
        self.texts: dict[Location, str] = {}
        self.problems: list[FieldProblem] = []

    def mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Any]:
        self.positions.setdefault(location, _position(node.start_mark))
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(location, key_node, "has a key that is not a plain text")
                continue
            key = str(key_node.value)
            here = (*location, key)
            if key in values:
                self._problem(here, key_node, f"stands here again; first on line {self.positions[here].line}")
                continue
            self.positions[here] = _position(key_node.start_mark)
            values[key] = self._value(value_node, here)
        return values

    def _value(self, node: yaml.Node, location: Location) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, location)
        if isinstance(node, yaml.SequenceNode):
            self.positions.setdefault(location, _position(node.start_mark))
            return [self._value(item, (*location, index)) for index, item in enumerate(node.value)]
        self.positions.setdefault(location, _position(node.start_mark))
        self.texts[location] = str(node.value)
        return self._scalar(node, location)

    def _scalar(self, node: yaml.Node, location: Location) -> Any:
        numeric = node.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
        if numeric and ":" in node.value:  # YAML 1.1 reads 12:30 as 750
            return str(node.value)
        try:
            return self._constructor.construct_object(node)
        except (yaml.YAMLError, ValueError, OverflowError, KeyError, IndexError, AttributeError, TypeError):
            self._problem(location, node, "is not a plain value", found=_shortened(str(node.value)))
            return None

    def _problem(self, location: Location, node: yaml.Node, message: str, found: str | None = None) -> None:
        position = _position(node.start_mark)
        self.problems.append(
            FieldProblem(
                file=self._file,
                line=position.line,
                column=position.column,
                field=field_name(location),
                message=message,
                found=found,
            )
        )


def field_name(location: Location) -> str:
    """``volumes[0].mount`` for ("volumes", 0, "mount")."""
    name = ""
    for part in location:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return name


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."

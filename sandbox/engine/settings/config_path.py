"""Paths into structured configuration values: `outer.inner`, `names[0]`, `["a.b"].c`."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

Accessor = str | int
_RESERVED = 'a map with the single key "secure" is reserved'


class ConfigPathError(ValueError):
    """The path is malformed or does not fit the value."""


def parse_path(text: str) -> list[Accessor]:
    """The accessors of a path. Raises ConfigPathError."""
    accessors: list[Accessor] = []
    position = 0
    while position < len(text):
        if text[position] == ".":
            position += 1
            if position >= len(text) or text[position] == ".":
                raise ConfigPathError("expected property path element after '.'")
            if text[position] == "[":
                continue
        if text[position] == "[":
            accessor, position = _bracket(text, position)
            accessors.append(accessor)
        else:
            end = min((i for i in (text.find(".", position), text.find("[", position)) if i >= 0), default=-1)
            end = len(text) if end < 0 else end
            accessors.append(text[position:end])
            position = end
    return accessors


def _bracket(text: str, start: int) -> tuple[Accessor, int]:
    if text.startswith('["', start):
        name: list[str] = []
        position = start + 2
        while position < len(text):
            if text.startswith('\\"', position):
                name.append('"')
                position += 2
            elif text.startswith('"]', position):
                return "".join(name), position + 2
            else:
                name.append(text[position])
                position += 1
        raise ConfigPathError("missing closing quote in property path")
    end = text.find("]", start)
    if end < 0:
        raise ConfigPathError("missing closing bracket in array index")
    try:
        index = int(text[start + 1 : end])
    except ValueError as error:
        raise ConfigPathError(f"invalid array index: {error}") from error
    return index, end + 1


def get_path(value: Any, path: Sequence[Accessor]) -> tuple[bool, Any]:
    """Whether there is something at `path` in `value`, and what."""
    for accessor in path:
        if isinstance(value, list) and isinstance(accessor, int):
            if not 0 <= accessor < len(value):
                return False, None
            value = value[accessor]
        elif isinstance(value, dict) and isinstance(accessor, str):
            if accessor not in value:
                return False, None
            value = value[accessor]
        else:
            return False, None
    return True, value


def set_path(value: Any, path: Sequence[Accessor], new: Any) -> Any:
    """`value` with `new` at `path`; containers on the way are made, never changed in place."""
    return _set(copy.deepcopy(value), [], list(path), new)


def _set(value: Any, above: list[Accessor], path: list[Accessor], new: Any) -> Any:
    if not path:
        return new
    head, here = path[0], [*above, path[0]]
    if not isinstance(value, (list, dict)):
        if value is not None and above:
            raise _misfit(above, "expected an array" if isinstance(head, int) else "expected a map")
        value = [] if isinstance(head, int) else {}
    if isinstance(value, list):
        if not isinstance(head, int):
            raise _misfit(here, "key for an array must be an int")
        if not 0 <= head <= len(value):
            raise _misfit(here, "array index out of range")
        if head == len(value):
            value.append(None)
        value[head] = _set(value[head], here, path[1:], new)
        return value
    if not isinstance(head, str):
        raise _misfit(here, "key for a map must be a string")
    if len(path) == 1 and not value and head == "secure" and isinstance(new, str):
        raise ConfigPathError(_RESERVED)
    value[head] = _set(value.get(head), here, path[1:], new)
    return value


def _misfit(path: list[Accessor], problem: str) -> ConfigPathError:
    return ConfigPathError(f"{path_text(path)}: {problem}")


def path_text(path: Sequence[Accessor]) -> str:
    """The path as a person writes it."""
    text = ""
    for accessor in path:
        if isinstance(accessor, int):
            text += f"[{accessor}]"
        elif accessor.isidentifier():
            text += f".{accessor}" if text else accessor
        else:
            text += f'["{accessor}"]'
    return text


def delete_path(value: Any, path: Sequence[Accessor]) -> Any:
    """`value` without what is at `path`; nothing there changes nothing."""
    value = copy.deepcopy(value)
    found, container = get_path(value, path[:-1])
    last = path[-1]
    if not found:
        return value
    if isinstance(container, list) and isinstance(last, int) and 0 <= last < len(container):
        del container[last]
    elif isinstance(container, dict) and isinstance(last, str):
        rest = {k: v for k, v in container.items() if k != last}
        if last in container and set(rest) == {"secure"} and isinstance(rest["secure"], str):
            raise ConfigPathError(_RESERVED)
        container.pop(last, None)
    return value

"""Adds a volume to the text of a job file, or takes one out, and leaves all else as it is.

An edit counts only if the file then holds what it held before and that change; else nothing is edited, and
the person writes the lines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from runctl_auto.job_file.yaml_tree import NotAPlainTreeError, compose_tree

_KEY = "volumes"
Entry = Mapping[str, str]


def line_of(entry: Entry) -> str:
    """An entry of ``volumes`` in a line, as YAML."""
    return "{" + ", ".join(f"{key}: {_scalar(value)}" for key, value in entry.items()) + "}"


def with_volume(text: str, entry: Entry) -> str | None:
    """``text`` with ``entry`` as the last of its volumes; None when it is not written in a known way."""
    held = _volumes_in(text)
    if held is None:
        return None
    return _checked(text, _added(text, line_of(entry)), [*held, dict(entry)])


def without_volume(text: str, index: int) -> str | None:
    """``text`` without its volume at ``index``; None when it is not written in a known way."""
    held = _volumes_in(text)
    if held is None or index >= len(held):
        return None
    return _checked(text, _taken_out(text, index), [*held[:index], *held[index + 1 :]])


def _scalar(value: str) -> str:
    try:
        is_itself = yaml.safe_load(value) == value and not set(value) & set(",[]{}#:")
    except yaml.YAMLError:
        is_itself = False
    return value if is_itself else json.dumps(value)


def _volumes_in(text: str) -> list[Any] | None:
    values = _values(text)
    held = values.get(_KEY) if values is not None else None
    if values is None:
        return None
    if held is None:
        return [] if _KEY not in values else None
    return held if isinstance(held, list) else None


def _values(text: str) -> dict[str, Any] | None:
    try:
        if compose_tree(text) is None:
            return None
        values = yaml.safe_load(text)
    except (NotAPlainTreeError, yaml.YAMLError, ValueError):
        return None
    return values if isinstance(values, dict) else None


def _checked(before: str, after: str | None, volumes: list[Any]) -> str | None:
    """``after``, if it differs from ``before`` in its volumes alone."""
    values, wanted = _values(after) if after is not None else None, _values(before)
    if values is None or wanted is None:
        return None
    held = values.pop(_KEY, []) or []
    wanted.pop(_KEY, None)
    return after if held == volumes and values == wanted else None


def _sequence(text: str) -> tuple[yaml.Node, yaml.SequenceNode] | None:
    """The key and the list of volumes, where there is one."""
    root = compose_tree(text)
    if not isinstance(root, yaml.MappingNode):
        return None
    found = ((key, value) for key, value in root.value if key.value == _KEY)
    key, value = next(found, (None, None))
    return (key, value) if key is not None and isinstance(value, yaml.SequenceNode) else None


def _added(text: str, line: str) -> str | None:
    found = _sequence(text)
    if found is None:
        end = "" if text.endswith("\n") or not text else "\n"
        return f"{text}{end}{_KEY}:\n  - {line}\n"
    _, volumes = found
    if volumes.flow_style:
        end_index = volumes.end_mark.index - 1
        inside = text[:end_index].rstrip()
        comma = ", " if volumes.value and not inside.endswith(",") else " " if volumes.value else ""
        return f"{inside}{comma}{line}{text[end_index:]}"
    column = volumes.start_mark.column
    at = _line_end(text, _last_index(volumes))
    return f"{text[:at]}\n{' ' * column}- {line}{text[at:]}"


def _taken_out(text: str, index: int) -> str | None:
    found = _sequence(text)
    if found is None:
        return None
    key, volumes = found
    items = volumes.value
    if volumes.flow_style:
        if index + 1 < len(items):
            start, end = items[index].start_mark.index, items[index + 1].start_mark.index
        else:
            start = items[index - 1].end_mark.index if index else items[index].start_mark.index
            end = items[index].end_mark.index
        return text[:start] + text[end:]
    first = key.start_mark.index if len(items) == 1 else items[index].start_mark.index
    start = _line_start(text, first)
    is_last = index + 1 == len(items)
    if is_last:
        end = min(_line_end(text, _last_index(items[index])) + 1, len(text))
    else:
        end = _line_start(text, items[index + 1].start_mark.index)
    return text[:start] + text[end:]


def _last_index(node: yaml.Node) -> int:
    """Where the last value in ``node`` ends: a block ends only where something else begins."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_index(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def _line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _line_end(text: str, index: int) -> int:
    end = text.find("\n", index)
    return len(text) if end < 0 else end

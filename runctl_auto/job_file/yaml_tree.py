"""Parses a YAML file to its tree of nodes, in one pass; anything but a plain tree is rejected.

Bounded: depth, number of values, one document, no aliases (which rules out alias bombs).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

MAX_DEPTH = 12
MAX_VALUES = 4_000


@dataclass(frozen=True)
class Position:
    """A position in the file; line and column count from 1."""

    line: int
    column: int


class NotAPlainTreeError(Exception):
    """``complaint`` describes the problem, at ``position`` if known."""

    def __init__(
        self,
        complaint: str,
        position: Position | None = None,
        *,
        found: str | None = None,
        allowed: str | None = None,
    ) -> None:
        super().__init__(complaint)
        self.complaint = complaint
        self.position = position
        self.found = found
        self.allowed = allowed


def position_of(mark: Any) -> Position:
    """The position of a mark of the YAML parser."""
    return Position(mark.line + 1, mark.column + 1)


def compose_tree(text: str) -> yaml.Node | None:
    """The tree of the only document in ``text``; None for an empty one. Raises NotAPlainTreeError."""
    try:
        events = list(_plain_events(text))
        return _Composer(events).get_single_node()
    except yaml.reader.ReaderError as error:
        raise _no_character(text, error) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "unknown fault"
        raise NotAPlainTreeError(f"is not YAML: {problem}", position_of(mark) if mark else None) from error
    except (ValueError, OverflowError) as error:  # raised by Python, where the parser reads numbers
        raise NotAPlainTreeError("is not YAML: a number in an escape or directive is out of range") from error
    except RecursionError as error:
        raise _too_deep(None) from error


def _plain_events(text: str) -> Iterator[yaml.Event]:
    depth = documents = values = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        position = position_of(event.start_mark) if event.start_mark else None
        if isinstance(event, yaml.AliasEvent):
            raise NotAPlainTreeError(
                "aliases are not supported", position, found=f"*{event.anchor}", allowed="the value itself"
            )
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise NotAPlainTreeError("holds a second document", position, allowed="one job a file")
        values += isinstance(event, yaml.NodeEvent)
        if values > MAX_VALUES:
            raise NotAPlainTreeError(
                "holds too many values", position, allowed=f"at most {MAX_VALUES} keys and values"
            )
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise _too_deep(position)
        yield event


def _no_character(text: str, error: yaml.reader.ReaderError) -> NotAPlainTreeError:
    before = text[: error.position]
    position = Position(before.count("\n") + 1, len(before) - before.rfind("\n"))
    return NotAPlainTreeError(
        "holds a character that no text may hold", position, found=text[error.position : error.position + 1]
    )


def _too_deep(position: Position | None) -> NotAPlainTreeError:
    return NotAPlainTreeError("is nested too deeply", position, allowed=f"at most {MAX_DEPTH} levels")


class _Composer(yaml.composer.Composer, yaml.resolver.Resolver):
    """Composes nodes from events that were already parsed."""

    def __init__(self, events: list[yaml.Event]) -> None:
        yaml.composer.Composer.__init__(self)
        yaml.resolver.Resolver.__init__(self)
        self._events = deque(events)

    def check_event(self, *kinds: type[yaml.Event]) -> bool:
        return bool(self._events) and (not kinds or isinstance(self._events[0], kinds))

    def peek_event(self) -> yaml.Event:
        return self._events[0]

    def get_event(self) -> yaml.Event:
        return self._events.popleft()

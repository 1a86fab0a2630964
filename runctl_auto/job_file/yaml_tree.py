"""Parses a YAML file to its tree of nodes, in one pass; anything but a plain tree is rejected.

Bounded: depth, number of values, one document. An alias counts as what it stands for, so that a short file
cannot grow; one inside its own anchor is rejected.
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
    anchors = _Anchors()
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        position = position_of(event.start_mark) if event.start_mark else None
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise NotAPlainTreeError("holds a second document", position, allowed="one job a file")
        subtree = anchors.take(event, position)
        values += subtree.values
        if values > MAX_VALUES:
            raise NotAPlainTreeError(
                "holds too many values", position, allowed=f"at most {MAX_VALUES} keys and values"
            )
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth + subtree.depth > MAX_DEPTH:
            raise _too_deep(position)
        yield event


@dataclass
class _Subtree:
    """A node: how many values it holds, itself included, and how many levels of collections."""

    values: int = 0
    depth: int = 0


class _Anchors:
    """Measures what anchors name, and thereby what each alias stands for."""

    def __init__(self) -> None:
        self._complete: dict[str, _Subtree] = {}
        self._open: list[tuple[str | None, _Subtree]] = []

    def take(self, event: yaml.Event, position: Position | None) -> _Subtree:
        """What ``event`` adds to the tree now. Raises NotAPlainTreeError for an alias in its own anchor."""
        if isinstance(event, yaml.CollectionStartEvent):
            self._open.append((event.anchor, _Subtree(1, 1)))
            return _Subtree(1)
        if isinstance(event, yaml.CollectionEndEvent):
            self._end(*self._open.pop())
            return _Subtree()
        if isinstance(event, yaml.ScalarEvent):
            scalar = _Subtree(1)
            self._end(event.anchor, scalar)
            return scalar
        if isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, _ in self._open):
                raise NotAPlainTreeError(
                    "has an alias inside its own anchor", position, found=f"*{event.anchor}"
                )
            named = self._complete.get(str(event.anchor), _Subtree(1))
            self._end(None, named)
            return named
        return _Subtree()

    def _end(self, anchor: str | None, node: _Subtree) -> None:
        if anchor:
            self._complete[anchor] = node
        if self._open:
            around = self._open[-1][1]
            around.values += node.values
            around.depth = max(around.depth, node.depth + 1)


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

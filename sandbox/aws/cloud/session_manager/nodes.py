"""The instances that Systems Manager reaches: those whose session agent is connected."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_PATIENCE_SECONDS = 3.0
"""Between two polls of an agent that is connected."""


@dataclass
class Node:
    """An instance's registration. `polls` are its open ones, `seen` when the last one ended."""

    instance: str
    about: dict[str, str]
    registered: float
    seen: float
    polls: int = 0
    inbox: list[dict[str, Any]] = field(default_factory=list)


class Nodes:
    """By instance. Thread-safe. `clock` is in seconds since 1970, `is_cut_off` whether an instance has no
    network or hangs."""

    def __init__(self, clock: Callable[[], float], is_cut_off: Callable[[str], bool]) -> None:
        self._clock = clock
        self._is_cut_off = is_cut_off
        self._nodes: dict[str, Node] = {}
        self._changed = threading.Condition()

    def register(self, instance: str, about: dict[str, str]) -> None:
        with self._changed:
            now = self._clock()
            known = self._nodes.get(instance)
            inbox = known.inbox if known else []
            self._nodes[instance] = Node(instance, about, now, now, inbox=inbox)

    def is_known(self, instance: str) -> bool:
        return instance in self._nodes

    def all(self) -> list[Node]:
        with self._changed:
            return sorted(self._nodes.values(), key=lambda node: node.instance)

    def is_connected(self, instance: str) -> bool:
        with self._changed:
            node = self._nodes.get(instance)
            if node is None or self._is_cut_off(instance):
                return False
            return node.polls > 0 or self._clock() - node.seen < _PATIENCE_SECONDS

    def send(self, instance: str, message: dict[str, Any]) -> None:
        """Delivered with the next answer to the instance's poll. Raises KeyError for an unknown one."""
        with self._changed:
            self._nodes[instance].inbox.append(message)
            self._changed.notify_all()

    def poll(self, instance: str, seconds: float) -> list[dict[str, Any]] | None:
        """The instance's messages, once there are some or after `seconds`; None for an unknown one."""
        with self._changed:
            node = self._nodes.get(instance)
            if node is None:
                return None
            node.polls += 1
            try:
                self._changed.wait_for(lambda: node.inbox and not self._is_cut_off(instance), seconds)
                if self._is_cut_off(instance):
                    return []
                told, node.inbox = node.inbox, []
                return told
            finally:
                node.polls -= 1
                node.seen = self._clock()

    def forget(self, instance: str) -> None:
        with self._changed:
            self._nodes.pop(instance, None)

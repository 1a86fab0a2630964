"""What a program asks for: resources to register, to read, and outputs to record."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from sandbox.engine.model import CustomTimeouts, Resource
from sandbox.engine.properties import PropertyMap, PropertyValue


@dataclass(frozen=True)
class Alias:
    """A former identity: a whole URN, or what differed of name, type, stack, project and parent."""

    urn: str = ""
    name: str = ""
    type: str = ""
    stack: str = ""
    project: str = ""
    parent: str = ""
    no_parent: bool = False


@dataclass(frozen=True)
class Goal:
    """A resource as the program wants it. None for an option means that the program does not say."""

    type: str
    name: str
    custom: bool
    properties: PropertyMap = field(default_factory=dict)
    parent: str = ""
    provider: str = ""
    protect: bool | None = None
    dependencies: tuple[str, ...] = ()
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    delete_before_replace: bool | None = None
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    replacement_trigger: PropertyValue = None
    additional_secret_outputs: tuple[str, ...] = ()
    aliases: tuple[Alias, ...] = ()
    import_id: str = ""
    custom_timeouts: CustomTimeouts | None = None
    retain_on_delete: bool | None = None
    deleted_with: str = ""
    replace_with: tuple[str, ...] = ()
    hide_diff: tuple[Any, ...] = ()
    source_position: str = ""
    stack_trace: tuple[dict[str, Any], ...] = ()


class Outcome(str, Enum):
    """How a registration ended, for a program that can go on without the resource."""

    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Registered:
    """The answer to a registration or read."""

    resource: Resource
    outcome: Outcome = Outcome.SUCCESS
    unknown: bool = False


class _Answered:
    """Something that a program waits for."""

    def __init__(self) -> None:
        self.answer: Future[Registered] = Future()

    def done(self, resource: Resource, outcome: Outcome = Outcome.SUCCESS, *, unknown: bool = False) -> None:
        """Answers, unless that was done already or nobody waits any more."""
        if not self.answer.done():
            self.answer.set_result(Registered(resource, outcome, unknown))


class Registration(_Answered):
    """A resource to register."""

    def __init__(self, goal: Goal) -> None:
        super().__init__()
        self.goal = goal


class Reading(_Answered):
    """An existing resource to read, which is not the stack's own."""

    def __init__(self, goal: Goal, identity: str) -> None:
        super().__init__()
        self.goal = goal
        self.identity = identity


class OutputsRegistration(_Answered):
    """Outputs of a component or of the stack, known once its program part has run."""

    def __init__(self, urn: str, outputs: PropertyMap) -> None:
        super().__init__()
        self.urn = urn
        self.outputs = outputs

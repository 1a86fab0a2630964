"""Schema of a resource type's inputs: their kinds, and the change that each requires."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any


class Change(Enum):
    """The change that a modified input requires."""

    NONE = "none"
    UPDATE = "update"
    REPLACE = "replace"


class Kind(Enum):
    """The kind of a value, which determines its validation and comparison."""

    STRING = "a string"
    INTEGER = "an integer"
    BOOLEAN = "a boolean"
    POLICY = "a policy document"
    LIST = "a list of strings"
    SET = "a set of strings"
    MAP = "a map of strings"
    OBJECT = "an object"
    OBJECTS = "a list of objects"
    OBJECT_SET = "a set of objects"
    ASSET = "an asset or archive"


@dataclass(frozen=True)
class Field:
    """One input (or one field of an input that is an object).

    computed: without a value in the program the cloud's own value is kept; its absence is no change.
    default: the value that Check fills in.
    told: whether the cloud returns the value; otherwise it is carried over in state.
    refused: not None when the input is not supported; says why or what to use.
    """

    kind: Kind
    change: Change
    required: bool = False
    computed: bool = False
    default: Any = None
    told: bool = True
    secret: bool = False
    allowed: tuple[str, ...] = ()
    fields: Mapping[str, Field] | None = None
    refused: str | None = None


def updates(kind: Kind = Kind.STRING, **more: Any) -> Field:
    """An input that is updated in place."""
    return Field(kind, Change.UPDATE, **more)


def replaces(kind: Kind = Kind.STRING, **more: Any) -> Field:
    """An input that replaces the resource."""
    return Field(kind, Change.REPLACE, **more)


def ignored(kind: Kind = Kind.STRING, **more: Any) -> Field:
    """An input whose change has no effect."""
    return Field(kind, Change.NONE, **more)


def refused(change: Change, instead: str = "") -> Field:
    """An unsupported input: Check rejects it by name."""
    return Field(
        Kind.STRING, change, computed=True, refused=instead or "not supported by the sandbox's aws provider"
    )


def table(rows: Mapping[str, Field]) -> Mapping[str, Field]:
    """A type's inputs by name; read-only."""
    return MappingProxyType(dict(rows))


REGION = replaces(computed=True)
TAGS = updates(Kind.MAP)

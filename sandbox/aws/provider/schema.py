"""What a resource type's inputs are: their kinds, and what a change of each asks of a resource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any


class Change(Enum):
    """What a changed input asks for."""

    NONE = "none"
    UPDATE = "update"
    REPLACE = "replace"


class Kind(Enum):
    """The shape of a value, which says how it is checked and when two of them are the same."""

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

    computed: without a value in the program the cloud's own value holds, so its absence asks for nothing.
    default: the value that Check fills in.
    told: whether the cloud tells the value; what it does not tell is carried along in state.
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
    """An input whose change updates the resource in place."""
    return Field(kind, Change.UPDATE, **more)


def replaces(kind: Kind = Kind.STRING, **more: Any) -> Field:
    """An input whose change makes a new resource."""
    return Field(kind, Change.REPLACE, **more)


def ignored(kind: Kind = Kind.STRING, **more: Any) -> Field:
    """An input whose change asks for nothing."""
    return Field(kind, Change.NONE, **more)


def refused(change: Change, instead: str = "") -> Field:
    """An input that is not supported: Check refuses it by name."""
    return Field(
        Kind.STRING, change, computed=True, refused=instead or "not supported by the sandbox's aws provider"
    )


def table(rows: Mapping[str, Field]) -> Mapping[str, Field]:
    """A type's inputs by name; not to be changed."""
    return MappingProxyType(dict(rows))


REGION = replaces(computed=True)
TAGS = updates(Kind.MAP)

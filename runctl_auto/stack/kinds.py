"""The kinds of stacks: of a job, of a volume, of a snapshot. Pure.

A job's stack has the job's name, in which there is no dot; that of a volume or snapshot has a prefix with
one, so that no two kinds can have the same name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, get_args

Kind = Literal["job", "volume", "snapshot"]
StorageKind = Literal["volume", "snapshot"]
KINDS: tuple[Kind, ...] = get_args(Kind)
STORAGE_KINDS: tuple[StorageKind, ...] = get_args(StorageKind)

NAME_FORM = "2 to 40 lower-case letters, digits and single hyphens, a letter first"
_NAME = re.compile(r"(?=.{2,40}$)[a-z][a-z0-9]*(-[a-z0-9]+)*")
_NEVER = re.compile(r"(vol|snap)-[0-9a-f]{8,17}")


def is_name(text: str) -> bool:
    """Whether a volume or snapshot may be called so: as a job, and not like an id of the cloud."""
    return _NAME.fullmatch(text) is not None and _NEVER.fullmatch(text) is None


def stack_of(kind: StorageKind, name: str) -> str:
    """The name of the stack of a volume or snapshot."""
    return f"{kind}.{name}"


def kind_of(stack: str) -> Kind:
    """What a stack is of. A name that runctl does not give is a job's."""
    prefix, _, name = stack.partition(".")
    return next((kind for kind in STORAGE_KINDS if kind == prefix and is_name(name)), "job")


def name_in(stack: str) -> str:
    """The name of what the stack is of: without the prefix of its kind."""
    return stack if kind_of(stack) == "job" else stack.partition(".")[2]


def titled(stack: str) -> str:
    """What the stack is of, for messages: ``job 'digits'``, ``volume 'data'``."""
    return f"{kind_of(stack)} '{name_in(stack)}'"


def removal(stack: str) -> str:
    """The command that removes what the stack is of."""
    kind = kind_of(stack)
    return f"runctl down {stack}" if kind == "job" else f"runctl {kind} rm {name_in(stack)}"


def of_kinds(stacks: Sequence[str], kinds: Sequence[Kind]) -> tuple[str, ...]:
    """Those of ``stacks`` that are of ``kinds``."""
    return tuple(each for each in stacks if kind_of(each) in kinds)

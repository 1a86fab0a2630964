"""Names of stacks: `stack`, `organization/stack` or `organization/project/stack`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sandbox.engine.backend.errors import StackNameError

ORGANIZATION = "organization"
_FORBIDDEN = re.compile(r"[^A-Za-z0-9_.-]")


@dataclass(frozen=True, order=True)
class StackReference:
    """One stack of one project."""

    project: str
    name: str

    @property
    def qualified(self) -> str:
        """The name that is unique in the backend."""
        return f"{ORGANIZATION}/{self.project}/{self.name}"

    def display(self, current_project: str | None) -> str:
        """The short name within the stack's own project, else the qualified one."""
        return self.name if self.project == current_project else self.qualified


def parse_reference(text: str, current_project: str | None) -> StackReference:
    """The stack that `text` names. Raises StackNameError."""
    if not text:
        raise StackNameError("stack name must not be empty")
    parts = text.split("/")
    if len(parts) > 3:
        raise StackNameError(
            f"a stack name may only contain alphanumeric, hyphens, underscores, or periods: {text}"
        )
    if len(parts) > 1 and parts[0] != ORGANIZATION:
        raise StackNameError(f"organization name must be '{ORGANIZATION}'")
    project = parts[1] if len(parts) == 3 else current_project
    if not project:
        raise StackNameError(
            "no Pulumi.yaml project file found; either run this command from a directory containing a Pulumi "
            "project, or pass the fully qualified stack name (organization/project/stack)"
        )
    check_name(parts[-1])
    return StackReference(project, parts[-1])


def check_name(name: str) -> None:
    """Raises StackNameError unless `name` can be a stack's short name."""
    if not name:
        raise StackNameError("a stack name may not be empty")
    if len(name) > 100:
        raise StackNameError("a stack name cannot exceed 100 characters")
    bad = _FORBIDDEN.search(name)
    if bad is not None:
        raise StackNameError(
            "a stack name may only contain alphanumeric, hyphens, underscores, or periods: "
            f"invalid character '{bad.group()}' at position {bad.start()}"
        )


def is_name(name: str) -> bool:
    """Whether `name` can be the name of a stack or project folder."""
    return bool(name) and len(name) <= 100 and _FORBIDDEN.search(name) is None

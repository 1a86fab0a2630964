"""What can go wrong with stacks and their files."""

from __future__ import annotations

from collections.abc import Sequence


class BackendError(Exception):
    """A stack's files cannot be used; the message says why."""


class UnsupportedBackendError(BackendError):
    """The address is of a kind that this engine does not keep state in."""


class StackNameError(BackendError):
    """The text cannot be the name of a stack."""


class StackNotFoundError(BackendError):
    """There is no such stack."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no stack named '{name}' found")


class StackExistsError(BackendError):
    """There is such a stack already."""

    def __init__(self, name: str) -> None:
        super().__init__(f"stack '{name}' already exists")


class StackHasResourcesError(BackendError):
    """The stack still has resources, so it is not removed."""


class StackLockedError(BackendError):
    """Others hold locks on the stack; the message tells who, where and since when."""

    def __init__(self, holders: Sequence[str]) -> None:
        lines = "".join(f"\n  {holder}" for holder in holders)
        super().__init__(
            f"the stack is currently locked by {len(holders)} lock(s). Either wait for the other "
            f"process(es) to end or delete the lock file with `pulumi cancel`.{lines}"
        )


class CheckpointError(BackendError):
    """A checkpoint cannot be read or has another format than the engine knows."""

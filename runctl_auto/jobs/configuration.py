"""A stack's configuration while a change to the job is decided: tried, kept, or put back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import StackLockedError
from runctl_auto.jobs.secret_values import SecretValues
from runctl_auto.stack.applied_config import AppliedConfig


@dataclass(frozen=True)
class Configuration:
    """What a stack is to be configured with. Without ``secrets`` those of the stack stay."""

    config: AppliedConfig
    secrets: SecretValues | None = None


@dataclass(frozen=True)
class HeldConfig:
    """What a stack's settings file held at a moment; ``sealed`` are its secrets as they are kept."""

    values: Mapping[str, str]
    sealed: str | None

    def put_back(self, stack: JobStack) -> None:
        """Makes it so again; a file that held nothing stays, with its stack, as it is."""
        if self.values:
            stack.set_config(self.values)
            stack.restore_secrets(self.sealed)


def held_config(stack: JobStack) -> HeldConfig:
    return HeldConfig(stack.config(), stack.sealed_secrets())


@contextmanager
def tentative_config(stack: JobStack, wanted: Configuration) -> Iterator[Callable[[], None]]:
    """``wanted`` on the stack, put back at the end unless the yielded function was called."""
    held = held_config(stack)
    is_kept = False

    def keep() -> None:
        nonlocal is_kept
        is_kept = True

    stack.set_config(wanted.config.to_values())
    try:
        if wanted.secrets is not None:
            stack.set_secrets(wanted.secrets.values)
        yield keep
    finally:
        if not is_kept:
            held.put_back(stack)


@contextmanager
def unchanged_when_locked(stack: JobStack, held: HeldConfig) -> Iterator[None]:
    """The stack's settings are again what they were, when somebody else turns out to hold the stack."""
    try:
        yield
    except StackLockedError:
        held.put_back(stack)
        raise

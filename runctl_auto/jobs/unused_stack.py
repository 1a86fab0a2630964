"""A stack that was made for a change that nothing came of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from runctl_auto.jobs.stack_in_hand import StackInHand


@contextmanager
def no_unused_stack(
    job: StackInHand, was_configured: Callable[[], bool], *, keep: bool = True
) -> Iterator[None]:
    """Within it a change is planned. When it fails, the stack is removed unless it ``was_configured`` before,
    or holds resources; without ``keep`` also when it does not fail."""
    try:
        yield
    except BaseException:
        _remove_unused(job, was_configured)
        raise
    if not keep:
        _remove_unused(job, was_configured)


def _remove_unused(job: StackInHand, was_configured: Callable[[], bool]) -> None:
    if not was_configured() and not job.state().resources:
        job.stack.remove()

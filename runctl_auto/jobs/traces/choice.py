"""Where a run is traced."""

from __future__ import annotations

from runctl_auto.agent.tracing import spans
from runctl_auto.stack.config import StackConfig


def choose_trace(current: StackConfig | None, run: str) -> str | None:
    """The ``traceparent`` of the command that decides the run, if that is traced. A run keeps what it has, so
    that a command that is traced changes no job that runs.
    """
    if current is not None and current.run.id == run:
        return current.trace
    found = spans.recorder()
    return None if found is None else str(found.parent)

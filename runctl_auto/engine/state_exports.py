"""The states of many stacks: read from the backend where it can be, exported by the engine where not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from runctl_auto.backend.backend import Backend
from runctl_auto.errors import RunctlError
from runctl_auto.stack.state import StackState

_EXPORTS_AT_ONCE = 4


def read_states(
    backend: Backend,
    jobs: Sequence[str],
    exporter: Callable[[], Callable[[str], StackState | RunctlError]],
    told: Callable[[int], None] | None = None,
) -> dict[str, StackState | RunctlError]:
    """The state of each of ``jobs``, or why it cannot be read. What the backend does not tell is exported;
    ``exporter`` is called once, and only for that. ``told`` hears how many are done."""
    found: dict[str, StackState | RunctlError] = {**backend.states(jobs)}
    rest = [job for job in jobs if job not in found]
    if rest:
        export = exporter()
        with ThreadPoolExecutor(_EXPORTS_AT_ONCE) as pool:
            for job, answer in zip(rest, pool.map(export, rest), strict=True):
                found[job] = answer
                if told is not None:
                    told(len(found))
    return found

"""Proves that nothing is left: scans until all is gone, or tells what stays."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from runctl_auto.teardown.receipt import Leak
from runctl_auto.teardown.scan import Scanner

DEADLINE_SECONDS = 60.0
_POLL_SECONDS = 2.0


def prove(
    scanner: Scanner,
    instances: Sequence[str],
    kept: Collection[str],
    sleep: Callable[[float], None],
    clock: Callable[[], float],
) -> tuple[Leak, ...]:
    """What exists of the job beside ``kept`` (physical ids); empty once all is gone. Blocks a minute at most.

    Lists of the cloud are late: what was just deleted is given the time to disappear.
    """
    deadline = clock() + DEADLINE_SECONDS
    while True:
        left = [each for each in scanner.find(instances=instances) if each.id not in kept]
        if not left or clock() >= deadline:
            return tuple(Leak(each.kind, each.id, each.remove) for each in left)
        sleep(_POLL_SECONDS)

"""Stops all processes of a host, as in a machine that hangs, and lets them go on."""

from __future__ import annotations

import contextlib
import os
import signal

from sandbox.hosts.host_store import HostRecord
from sandbox.hosts.process_identity import descendants

_MOST_ROUNDS = 50


def freeze(record: HostRecord, *, frozen: bool) -> None:
    """Stop the host's processes, or continue them. Idempotent; a host that has ended is left alone."""
    first = record.init
    if first is None or not first.alive():
        return
    number = signal.SIGSTOP if frozen else signal.SIGCONT
    seen: set[int] = set()
    for _ in range(_MOST_ROUNDS):  # what is not stopped yet may have started others
        found = {first.pid, *descendants(first.pid)} - seen
        if not found:
            return
        for pid in sorted(found):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        seen |= found

"""What a machine has and uses, as far as its agent knows: processors, memory, requests, bytes sent."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from runctl_auto.agent.status_format import UsageJson

MEMORY: Final = Path("/proc/meminfo")
_TOTAL = re.compile(r"^MemTotal:\s+(\d+) kB", re.MULTILINE)


class Traffic:
    """Requests to object storage and the bytes of their bodies, counted as they are sent. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests = 0
        self._sent_bytes = 0

    def count(self, sent_bytes: int) -> None:
        """One request with a body of so many bytes."""
        with self._lock:
            self._requests += 1
            self._sent_bytes += sent_bytes

    def totals(self) -> tuple[int, int]:
        """Requests and bytes so far."""
        with self._lock:
            return self._requests, self._sent_bytes


class Usage:
    """What this machine has, and what it has used since the agent's start. ``before`` is what an earlier
    agent on the same machine counted.
    """

    def __init__(
        self,
        traffic: Traffic,
        *,
        cpus: Callable[[], int | None] = os.cpu_count,
        memory: Path = MEMORY,
    ) -> None:
        self._traffic = traffic
        self._cpus = cpus()
        self._memory_gb = memory_gb(memory)
        self._requests, self._sent_bytes = 0, 0

    def continue_from(self, before: UsageJson | None) -> None:
        """Adds what was counted before the agent was restarted."""
        if before is not None:
            self._requests, self._sent_bytes = before["requests"], before["sent_bytes"]

    def as_json(self) -> UsageJson:
        requests, sent = self._traffic.totals()
        return {
            "cpus": self._cpus,
            "memory_gb": self._memory_gb,
            "requests": self._requests + requests,
            "sent_bytes": self._sent_bytes + sent,
        }


def memory_gb(file: Path = MEMORY) -> float | None:
    """The machine's memory in GiB as the system has it, a few percent below the type's; None if unknown."""
    try:
        found = _TOTAL.search(file.read_text(encoding="ascii", errors="replace"))
    except OSError:
        return None
    return None if found is None else round(int(found.group(1)) / 1024**2, 3)

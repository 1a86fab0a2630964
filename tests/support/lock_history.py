"""Which engines held which stack's lock, seen by looking often at a backend in a folder and at processes."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from pathlib import Path

_EVERY_SECONDS = 0.05
_SEEN = 3
"""An engine that is refused makes its lock, sees the other and takes its own back: two locks count when they
are there this often in a row."""


@dataclass
class LockHistory:
    """Looks until it is stopped. ``violations`` are moments at which two living engines had one stack."""

    backend: Path
    looks: int = 0
    holders: dict[str, list[int]] = field(default_factory=dict)
    """The engines that held each stack, one after the other."""
    violations: list[str] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    @property
    def engines(self) -> int:
        """How many engines have held a lock."""
        return sum(len(each) for each in list(self.holders.values()))

    def left(self) -> list[str]:
        """Lock files that are there now."""
        return sorted(str(each) for each in self._locks().glob("*/*/*.json"))

    def _locks(self) -> Path:
        return self.backend / ".pulumi" / "locks" / "organization"

    def _look(self) -> None:
        twice: dict[str, int] = {}
        while not self._ended.wait(_EVERY_SECONDS):
            self.looks += 1
            engines: dict[str, set[int]] = {}
            for file in self._locks().glob("*/*/*.json"):
                pid = _pid(file)
                if pid is not None and _lives(pid):
                    engines.setdefault(file.parent.name, set()).add(pid)
            for stack, pids in engines.items():
                held = self.holders.setdefault(stack, [])
                held += sorted(pids - set(held))
                twice[stack] = twice.get(stack, 0) + 1 if len(pids) > 1 else 0
                if twice[stack] == _SEEN:
                    self.violations.append(f"{stack}: engines {sorted(pids)}")


def _pid(lock: Path) -> int | None:
    try:
        return int(json.loads(lock.read_bytes())["pid"])
    except (OSError, ValueError, KeyError):
        return None


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in ("Z", "X")

"""What jobs need of this machine, what it has for them, and which of the waiting ones may begin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Needs:
    """What a job needs, at least. Memory is in GB."""

    cpus: int = 0
    memory_gb: int = 0
    gpus: int = 0

    def as_json(self) -> dict[str, int]:
        return {"cpus": self.cpus, "memory_gb": self.memory_gb, "gpus": self.gpus}

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Needs:
        """Raises KeyError, TypeError or ValueError for what is none."""
        return cls(int(found["cpus"]), int(found["memory_gb"]), int(found["gpus"]))


@dataclass(frozen=True)
class Capacity:
    """What all jobs of this machine may have together: ``jobs`` at once, and the numbers of its ``gpus``."""

    jobs: int
    cpus: int
    memory_gb: int
    gpus: tuple[int, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {"jobs": self.jobs, "cpus": self.cpus, "memory_gb": self.memory_gb, "gpus": list(self.gpus)}

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Capacity:
        """Raises KeyError, TypeError or ValueError for what is none."""
        gpus = tuple(int(each) for each in found["gpus"])
        return cls(int(found["jobs"]), int(found["cpus"]), int(found["memory_gb"]), gpus)

    def lacks(self, needs: Needs) -> str | None:
        """What this machine can never give, in words; None when it has enough."""
        if needs.gpus > len(self.gpus):
            return f"{needs.gpus} GPUs, and has {len(self.gpus)}"
        if needs.cpus > self.cpus:
            return f"{needs.cpus} CPUs, and has {self.cpus}"
        if needs.memory_gb > self.memory_gb:
            return f"{needs.memory_gb} GB of memory, and has {self.memory_gb}"
        return None


@dataclass(frozen=True)
class Taken:
    """What a job that runs has of the machine."""

    needs: Needs
    gpus: tuple[int, ...] = ()


def gpus_for(needs: Needs, capacity: Capacity, taken: Sequence[Taken]) -> tuple[int, ...] | None:
    """The GPUs for a job that may begin beside those that run; None while it has to wait."""
    if len(taken) >= capacity.jobs:
        return None
    if needs.cpus + sum(each.needs.cpus for each in taken) > capacity.cpus:
        return None
    if needs.memory_gb + sum(each.needs.memory_gb for each in taken) > capacity.memory_gb:
        return None
    used = {number for each in taken for number in each.gpus}
    free = tuple(number for number in capacity.gpus if number not in used)
    return free[: needs.gpus] if len(free) >= needs.gpus else None


def waiting_for(needs: Needs, capacity: Capacity, taken: Iterable[Taken]) -> str:
    """What a job that cannot begin waits for, in words."""
    held = list(taken)
    if len(held) >= capacity.jobs:
        return f"{len(held)} jobs run, and at most {capacity.jobs} may (max_parallel_jobs)"
    wanted = [f"{needs.gpus} GPUs"] if needs.gpus else []
    wanted += [f"{needs.cpus} CPUs"] if needs.cpus else []
    wanted += [f"{needs.memory_gb} GB of memory"] if needs.memory_gb else []
    return f"{', '.join(wanted) or 'its turn'}; {len(held)} jobs run"

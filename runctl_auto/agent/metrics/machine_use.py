"""How the machine is used: processors, memory, disk, network, and GPUs by nvidia-smi. Linux."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.agent.machine.idleness import GPU_SECONDS, PROGRAM_MISSING
from runctl_auto.agent.machine.machine import RunProgram
from runctl_auto.agent.metrics.document import MOST_GPUS, Unit
from runctl_auto.agent.status_format import GpuUseJson, MachineUseJson

GPU_QUERY = (
    "nvidia-smi",
    "--query-gpu=utilization.gpu,memory.used,memory.total,temperature.gpu,power.draw",
    "--format=csv,noheader,nounits",
)
SECTOR_BYTES = 512
"""Of a disk's counters, whatever the disk's own sectors are."""
_MIB = 1024 * 1024
_WHOLE_DISK = re.compile(r"(?:nvme\d+n\d+|(?:sd|xvd|vd|hd)[a-z]+)")


@dataclass(frozen=True)
class GpuNow:
    """A GPU. ``use`` is a share, memory bytes, temperature degrees Celsius, power watts."""

    use: float | None
    memory: int | None
    memory_total: int | None
    temperature: float | None
    power: float | None


@dataclass(frozen=True)
class MachineUse:
    """The machine at ``at``, in seconds since the epoch; what is not known is None. Rates are bytes a second
    since the look before."""

    at: float
    cpu: float | None
    memory: int | None
    memory_total: int | None
    disk: int | None
    disk_total: int | None
    network_received: int | None
    network_sent: int | None
    rates: tuple[tuple[str, float], ...] = ()
    gpus: tuple[GpuNow, ...] = ()

    def measures(self) -> Iterator[tuple[str, str, float]]:
        """Name, unit and value of all that is known and goes into series."""
        known: list[tuple[str, str, float | None]] = [
            ("cpu", Unit.SHARE, self.cpu),
            ("memory", Unit.BYTES, self.memory),
            ("disk", Unit.BYTES, self.disk),
            *((name, Unit.BYTES_A_SECOND, rate) for name, rate in self.rates),
        ]
        for number, gpu in enumerate(self.gpus):
            known += [
                (f"gpu{number}_use", Unit.SHARE, gpu.use),
                (f"gpu{number}_memory", Unit.BYTES, gpu.memory),
                (f"gpu{number}_temperature", Unit.CELSIUS, gpu.temperature),
                (f"gpu{number}_power", Unit.WATT, gpu.power),
            ]
        for name, unit, value in known:
            if value is not None:
                yield name, unit, float(value)

    def as_json(self, at: str) -> MachineUseJson:
        return {
            "at": at,
            "cpu": None if self.cpu is None else round(self.cpu, 3),
            "memory": self.memory,
            "memory_total": self.memory_total,
            "disk": self.disk,
            "disk_total": self.disk_total,
            "network_received": self.network_received,
            "network_sent": self.network_sent,
            "gpus": [_gpu_json(each) for each in self.gpus],
        }


class MachineLook:
    """Looks at the machine. ``proc`` is its ``/proc``; ``disk`` is a folder on the disk that counts."""

    def __init__(
        self,
        run: RunProgram,
        disk: Path,
        *,
        proc: Path = Path("/proc"),
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._run = run
        self._disk = disk
        self._proc = proc
        self._clock = clock
        self._ticks = ticks
        self._has_gpu = True
        self._processor: tuple[int, int] | None = None
        self._counted: tuple[float, dict[str, int]] | None = None

    def __call__(self) -> MachineUse:
        """The machine now. Raises nothing: what cannot be read is not known."""
        memory, memory_total = self._memory()
        disk, disk_total = self._space()
        network = self._network()
        counters = {**self._disks(), **{f"network_{name}": count for name, count in network.items()}}
        return MachineUse(
            at=self._clock(),
            cpu=self._processors(),
            memory=memory,
            memory_total=memory_total,
            disk=disk,
            disk_total=disk_total,
            network_received=network.get("received"),
            network_sent=network.get("sent"),
            rates=tuple(self._rates(counters)),
            gpus=self._gpus(),
        )

    def _read(self, name: str) -> str:
        try:
            return (self._proc / name).read_text(encoding="ascii", errors="replace")
        except OSError:
            return ""

    def _processors(self) -> float | None:
        fields = self._read("stat").partition("\n")[0].split()
        if len(fields) < 6 or fields[0] != "cpu" or not all(each.isdigit() for each in fields[1:9]):
            return None
        times = [int(each) for each in fields[1:9]]
        total, idle = sum(times), times[3] + times[4]
        before, self._processor = self._processor, (total, idle)
        if before is None or total <= before[0]:
            return None
        return min(1.0, max(0.0, 1 - (idle - before[1]) / (total - before[0])))

    def _memory(self) -> tuple[int | None, int | None]:
        found = dict(re.findall(r"^(\w+):\s+(\d{1,15}) kB", self._read("meminfo"), re.MULTILINE))
        if "MemTotal" not in found or "MemAvailable" not in found:
            return None, None
        total = int(found["MemTotal"]) * 1024
        return max(0, total - int(found["MemAvailable"]) * 1024), total

    def _space(self) -> tuple[int | None, int | None]:
        try:
            found = os.statvfs(self._disk)
        except OSError:
            return None, None
        return (found.f_blocks - found.f_bfree) * found.f_frsize, found.f_blocks * found.f_frsize

    def _disks(self) -> dict[str, int]:
        read = written = 0
        found = False
        for line in self._read("diskstats").splitlines():
            fields = line.split()
            if len(fields) > 9 and _WHOLE_DISK.fullmatch(fields[2]) and _are_counts(fields[5], fields[9]):
                read, written, found = read + int(fields[5]), written + int(fields[9]), True
        return {"disk_read": read * SECTOR_BYTES, "disk_written": written * SECTOR_BYTES} if found else {}

    def _network(self) -> dict[str, int]:
        received = sent = 0
        found = False
        for line in self._read("net/dev").splitlines():
            name, colon, rest = line.partition(":")
            fields = rest.split()
            if colon and name.strip() != "lo" and len(fields) > 8 and _are_counts(fields[0], fields[8]):
                received, sent, found = received + int(fields[0]), sent + int(fields[8]), True
        return {"received": received, "sent": sent} if found else {}

    def _rates(self, counters: dict[str, int]) -> Iterator[tuple[str, float]]:
        now = self._ticks()
        before, self._counted = self._counted, (now, counters)
        if before is None or now <= before[0]:
            return
        for name, count in counters.items():
            if count >= before[1].get(name, count + 1):
                yield name, (count - before[1][name]) / (now - before[0])

    def _gpus(self) -> tuple[GpuNow, ...]:
        if not self._has_gpu:
            return ()
        done = self._run(GPU_QUERY, timeout=GPU_SECONDS)
        if done.code == PROGRAM_MISSING:
            self._has_gpu = False
        if done.code != 0:
            return ()
        return tuple(_gpu(line) for line in done.output.splitlines()[:MOST_GPUS] if line.count(",") >= 4)


def _gpu(line: str) -> GpuNow:
    use, memory, memory_total, temperature, power = (_number(each) for each in line.split(",")[:5])
    return GpuNow(
        use=None if use is None else min(1.0, use / 100),
        memory=None if memory is None else int(memory * _MIB),
        memory_total=None if memory_total is None else int(memory_total * _MIB),
        temperature=temperature,
        power=power,
    )


def _are_counts(*texts: str) -> bool:
    return all(each.isascii() and each.isdigit() for each in texts)


def _number(text: str) -> float | None:
    """None for what a GPU does not tell: ``[N/A]``."""
    found = re.fullmatch(r"\s*(\d{1,12}(?:\.\d{1,6})?)\s*", text)
    return float(found[1]) if found else None


def _gpu_json(gpu: GpuNow) -> GpuUseJson:
    return {"use": gpu.use, "memory": gpu.memory, "memory_total": gpu.memory_total}

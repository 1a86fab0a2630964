from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from support.agent_stand_ins import Clock

from runctl_auto.agent.machine.machine import ProgramResult
from runctl_auto.agent.metrics.machine_use import GPU_QUERY, MachineLook, MachineUse

STAT = "cpu  {user} 0 0 {idle} 0 0 0 0 0 0\ncpu0 1 2 3\n"
DISKS = (
    " 259 0 nvme0n1 10 0 {read} 5 20 0 {written} 5 0 0 0\n"
    " 259 1 nvme0n1p1 10 0 999999 5 20 0 999999 5 0 0 0\n"
    "   7 0 loop0 10 0 999999 5 20 0 999999 5 0 0 0\n"
)
NETWORK = (
    "Inter-|   Receive  |  Transmit\n face |bytes packets|bytes\n"
    "    lo: 9999 1 0 0 0 0 0 0 9999 1 0 0 0 0 0 0\n"
    "  ens5: {received} 1 0 0 0 0 0 0 {sent} 1 0 0 0 0 0 0\n"
)


class Programs:
    """nvidia-smi with this answer."""

    def __init__(self, code: int, output: str) -> None:
        self.result = ProgramResult(code, output)
        self.calls = 0

    def __call__(self, argv: Sequence[str], timeout: float) -> ProgramResult:
        assert tuple(argv) == GPU_QUERY
        self.calls += 1
        return self.result


def write(proc: Path, *, user: int, idle: int, read: int, written: int, received: int, sent: int) -> None:
    (proc / "net").mkdir(parents=True, exist_ok=True)
    (proc / "stat").write_text(STAT.format(user=user, idle=idle))
    (proc / "meminfo").write_text("MemTotal:  4000 kB\nMemFree:  1 kB\nMemAvailable:  1000 kB\n")
    (proc / "diskstats").write_text(DISKS.format(read=read, written=written))
    (proc / "net" / "dev").write_text(NETWORK.format(received=received, sent=sent))


def test_what_a_machine_uses(tmp_path: Path) -> None:
    clock = Clock()
    programs = Programs(0, "98, 20000, 24576, 71, 301.12\n[N/A], [N/A], [N/A], [N/A], [N/A]")
    look = MachineLook(programs, tmp_path, proc=tmp_path, clock=clock, ticks=clock)
    write(tmp_path, user=100, idle=100, read=10, written=20, received=1000, sent=2000)
    first = look()
    assert (first.cpu, first.rates) == (None, ()), "nothing to compare with"
    clock.now += 10
    write(tmp_path, user=190, idle=110, read=30, written=40, received=4000, sent=2000)
    found = look()
    assert found.cpu == 0.9
    assert (found.memory, found.memory_total) == (3000 * 1024, 4000 * 1024)
    assert (found.network_received, found.network_sent) == (4000, 2000)
    assert dict(found.rates) == {
        "disk_read": 1024.0,
        "disk_written": 1024.0,
        "network_received": 300.0,
        "network_sent": 0.0,
    }
    measures = {name: value for name, _, value in found.measures()}
    assert (measures["gpu0_use"], measures["gpu0_memory"]) == (0.98, 20000 * 2**20)
    assert (measures["gpu0_temperature"], measures["gpu0_power"]) == (71, 301.12)
    assert not any(name.startswith("gpu1") for name in measures), "a GPU that tells nothing"
    assert len(found.gpus) == 2
    assert found.disk is not None
    assert found.disk_total is not None
    assert 0 < found.disk <= found.disk_total


def test_counters_that_begin_anew_are_no_rate(tmp_path: Path) -> None:
    clock = Clock()
    look = MachineLook(Programs(127, ""), tmp_path, proc=tmp_path, clock=clock, ticks=clock)
    write(tmp_path, user=100, idle=100, read=10, written=20, received=1000, sent=2000)
    look()
    clock.now += 10
    write(tmp_path, user=1, idle=1, read=1, written=30, received=1, sent=1)
    found = look()
    assert found.cpu is None
    assert [name for name, _ in found.rates] == ["disk_written"]


def test_a_machine_without_a_gpu_is_asked_once(tmp_path: Path) -> None:
    programs = Programs(127, "nvidia-smi is not installed")
    look = MachineLook(programs, tmp_path, proc=tmp_path)
    assert look().gpus == look().gpus == ()
    assert programs.calls == 1
    broken = Programs(9, "no driver, no card, a, b, c")
    look = MachineLook(broken, tmp_path, proc=tmp_path)
    assert look().gpus == look().gpus == ()
    assert broken.calls == 2


def test_what_cannot_be_read_is_not_known(tmp_path: Path) -> None:
    look = MachineLook(Programs(127, ""), tmp_path / "none", proc=tmp_path / "none")
    assert list(look().measures()) == []
    (tmp_path / "stat").write_text("cpu x y z a b c d e\n")
    (tmp_path / "meminfo").write_text("MemTotal: many kB\n")
    (tmp_path / "diskstats").write_text("1 2 sda a b c d e f g h i\n")
    found = MachineLook(Programs(127, ""), tmp_path / "none", proc=tmp_path)()
    assert list(found.measures()) == []
    assert isinstance(found, MachineUse)

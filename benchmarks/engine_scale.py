"""What the engine costs as stacks grow: many resources in one stack, many stacks in one backend.

Time and peak memory of up, up without a change, and destroy for 10, 100 and 1,000 resources of a provider
that answers at once; then `pulumi stack ls` over 1,000 stacks of 14 resources. Growth is the factor by which
the time grew, divided by the factor by which the stack did: 1 is linear.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from engines import engines

SIZES = (10, 100, 1000)
STACKS = 1000
RESOURCES_A_STACK = 14
OPERATIONS = {"up": "up", "no-op up": "up", "destroy": "destroy"}
PROGRAM = """
import pulumi

class Thing(pulumi.CustomResource):
    def __init__(self, name, **inputs):
        super().__init__("scripted:index:Thing", name, inputs)

for number in range(pulumi.Config().require_int("things")):
    Thing(f"thing-{number}", number=number, tags={"name": f"thing {number}"}, text="x" * 200)
"""


@dataclass(frozen=True)
class Cost:
    """Seconds of a command, and the peak memory in MB of the largest of its processes."""

    seconds: float
    peak: float


def measure(folder: Path, rounds: int) -> None:
    with _provider() as port:
        for number, (name, root) in enumerate(engines().items()):
            place = folder / str(number)
            place.mkdir()
            engine = _Engine(root, place, port)
            print(f"-- {name}")
            _grow(engine, min(rounds, 3))
            _list(engine, rounds)


class _Engine:
    """One engine with a project and a backend of its own."""

    def __init__(self, root: Path, folder: Path, port: int) -> None:
        self._pulumi, self.folder = str(root / "bin" / "pulumi"), folder
        self.state = folder / "state"
        self.state.mkdir()
        (folder / "Pulumi.yaml").write_text(json.dumps({"name": "scale", "runtime": "python"}))
        (folder / "__main__.py").write_text(PROGRAM)
        self._environment = {
            **os.environ,
            "PATH": f"{root / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PULUMI_BACKEND_URL": self.state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "a phrase of benchmarks",
            "PULUMI_DEBUG_PROVIDERS": f"scripted:{port}",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_HOME": str(folder / "pulumi-home"),
            "PULUMI_PYTHON_CMD": sys.executable,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }

    def run(self, *arguments: str) -> Cost:
        """Runs a command; fails loudly when it fails."""
        report = self.folder / "cost.json"
        measured = str(Path(__file__).with_name("measured.py"))
        command = [sys.executable, "-I", "-S", measured, str(report), self._pulumi, *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self._environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise SystemExit(f"{arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        cost = json.loads(report.read_text())
        return Cost(cost["seconds"], cost["peak_kb"] / 1024)

    def new_stack(self, name: str, things: int) -> None:
        self.run("stack", "init", name, "--non-interactive")
        self.run("config", "set", "things", str(things), "--stack", name, "--non-interactive")

    def operate(self, operation: str, stack: str) -> Cost:
        return self.run(operation, "--yes", "--skip-preview", "--non-interactive", "--stack", stack)


def _grow(engine: _Engine, rounds: int) -> None:
    costs = {size: _costs(engine, size, rounds) for size in SIZES}
    print(f"{'resources':>12}" + "".join(f"{name + ', s':>12}{'MB':>6}{'growth':>8}" for name in OPERATIONS))
    smaller: int | None = None
    for size, each in costs.items():
        line = f"{size:12}"
        for name, cost in each.items():
            growth = cost.seconds / costs[smaller][name].seconds / (size / smaller) if smaller else None
            line += f"{cost.seconds:12.2f}{cost.peak:6.0f}" + (f"{growth:8.2f}" if growth else f"{'':8}")
        print(line, flush=True)
        smaller = size
    _print_slope(costs)


def _print_slope(costs: dict[int, dict[str, Cost]]) -> None:
    """Growth without what every command costs: a resource more, in a large stack against in a small one."""
    small, middle, large = SIZES
    for name in OPERATIONS:
        first = (costs[middle][name].seconds - costs[small][name].seconds) / (middle - small)
        second = (costs[large][name].seconds - costs[middle][name].seconds) / (large - middle)
        print(
            f"{name}: {second * 1000:.1f} ms a resource from {middle} to {large}, {first * 1000:.1f} before"
        )
    print("bar: growth at most 1.5")


def _costs(engine: _Engine, size: int, rounds: int) -> dict[str, Cost]:
    taken: dict[str, list[Cost]] = {name: [] for name in OPERATIONS}
    for number in range(rounds):
        stack = f"of-{size}-{number}"
        engine.new_stack(stack, size)
        for name, operation in OPERATIONS.items():
            taken[name].append(engine.operate(operation, stack))
        engine.run("stack", "rm", "--yes", "--non-interactive", "--stack", stack)
    return {
        name: Cost(median(cost.seconds for cost in costs), max(cost.peak for cost in costs))
        for name, costs in taken.items()
    }


def _list(engine: _Engine, rounds: int) -> None:
    """Times `stack ls` over copies of one stack that was really made."""
    engine.new_stack("list-0", RESOURCES_A_STACK - 2)  # the stack itself and its provider are resources too
    engine.operate("up", "list-0")
    folder = engine.state / ".pulumi" / "stacks" / "scale"
    original = (folder / "list-0.json").read_text()
    made = len(json.loads(original)["checkpoint"]["latest"]["resources"])
    if made != RESOURCES_A_STACK:
        raise SystemExit(f"a stack of {made} resources instead of {RESOURCES_A_STACK}")
    for number in range(1, STACKS):
        (folder / f"list-{number}.json").write_text(original.replace("list-0", f"list-{number}"))
    for arguments in (["stack", "ls"], ["stack", "ls", "--json"]):
        costs = [engine.run(*arguments, "--non-interactive") for _ in range(rounds)]
        seconds, peak = median(cost.seconds for cost in costs), max(cost.peak for cost in costs)
        print(f"pulumi {' '.join(arguments)}: {seconds:.2f} s, {peak:.0f} MB for {STACKS} stacks (bar: 1 s)")


@contextmanager
def _provider() -> Iterator[int]:
    script = str(Path(__file__).with_name("scripted_provider.py"))
    with subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()

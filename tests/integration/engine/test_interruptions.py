"""Operations that are cancelled, killed, or run beside each other."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.sandbox

HELD = """
a = Thing("a")
b = Thing("b", ref=a.out)
Thing("c", ref=b.out)
"""


def creating(project: Any, name: str) -> Callable[[], bool]:
    return lambda: any(call["name"] == name for call in project.provider.calls("create"))


def children_of(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_killed_update_leaves_a_true_state_and_no_process(project: Any, wait_until: Any) -> None:
    project.provider.orders(hold=["b"])
    project.program(HELD)
    process = project.start("up", "--yes", "--skip-preview")
    wait_until(creating(project, "b"))
    programs = children_of(process.pid)
    assert programs
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    wait_until(lambda: not any(alive(pid) for pid in programs))

    state = project.state()
    assert [o["resource"]["urn"].split("::")[-1] for o in state["pending_operations"]] == ["b"]
    assert [o["type"] for o in state["pending_operations"]] == ["creating"]
    assert [r["urn"].split("::")[-1] for r in state["resources"] if r["type"] == "toy:index:Thing"] == ["a"]

    project.provider.orders()
    (project.provider.folder / "go").touch()
    project.pulumi("cancel", "--yes")
    output = project.up()
    assert "interrupted while creating" in output
    assert {"b", "c"} <= {r["urn"].split("::")[-1] for r in project.state()["resources"]}
    project.refresh("--clear-pending-creates")
    assert "pending_operations" not in project.state()


def test_an_interrupted_update_stops_the_provider_and_leaves_nothing_pending(
    project: Any, wait_until: Any
) -> None:
    project.provider.orders(hold=["b"])
    project.program(HELD)
    process = project.start("up", "--yes", "--skip-preview")
    wait_until(creating(project, "b"))
    os.kill(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "create of b cancelled" in output
    assert project.provider.calls("cancel")
    assert [call["name"] for call in project.provider.calls("create")] == ["a", "b"]
    assert "pending_operations" not in project.state()
    assert set(project.provider.cloud) == {"a-1"}


def test_a_second_interrupt_ends_at_once_and_says_what_is_unknown(project: Any, wait_until: Any) -> None:
    project.provider.orders(hold=["b"], deaf=True)
    project.program(HELD)
    process = project.start("up", "--yes", "--skip-preview")
    wait_until(creating(project, "b"))
    os.kill(process.pid, signal.SIGINT)
    wait_until(lambda: project.provider.calls("cancel"))
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert [o["type"] for o in project.state()["pending_operations"]] == ["creating"]


def test_independent_steps_run_beside_each_other(project: Any, wait_until: Any) -> None:
    names = [f"t{i}" for i in range(6)]
    project.provider.orders(hold=names)
    project.program("\n".join(f'Thing("{name}")' for name in names))
    process = project.start("up", "--yes", "--skip-preview", "--parallel", "6")
    wait_until(lambda: len(project.provider.calls("create")) == 6)
    (project.provider.folder / "go").touch()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert len(project.provider.cloud) == 6


def test_no_more_steps_run_at_once_than_asked(project: Any) -> None:
    project.program("\n".join(f'Thing("t{i}")' for i in range(8)) + '\npulumi.export("n", 8)')
    project.up("--parallel", "2")
    project.program('pulumi.export("peak", pulumi.runtime.invoke("toy:index:peak", {}).value["peak"])')
    project.up("--parallel", "2")
    assert 1 <= project.outputs()["peak"] <= 2


def test_many_blocked_registrations_do_not_deadlock(project: Any, wait_until: Any) -> None:
    """Every thing waits for the first, and all of them are registered before it is there."""
    project.provider.orders(hold=["first"])
    project.program(
        'first = Thing("first")\n'
        + "\n".join(f'Thing("t{i}", opts=Options(depends_on=[Thing("s{i}")]))' for i in range(40))
        + '\nThing("last", ref=first.out)'
    )
    process = project.start("up", "--yes", "--skip-preview", "--parallel", "2")
    wait_until(lambda: len(project.provider.cloud) == 80)
    (project.provider.folder / "go").touch()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert len(project.provider.cloud) == 82


def test_two_stacks_deploy_at_once(project: Any, another_project: Any, wait_until: Any) -> None:
    other = another_project("others")
    project.provider.orders(hold=["mine", "theirs"])
    project.program('Thing("mine")')
    other.program('Thing("theirs")')
    both = [p.start("up", "--yes", "--skip-preview") for p in (project, other)]
    wait_until(lambda: len(project.provider.calls("create")) == 2)
    (project.provider.folder / "go").touch()
    for process in both:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output
    assert set(project.provider.cloud) == {"mine-1", "theirs-1"}

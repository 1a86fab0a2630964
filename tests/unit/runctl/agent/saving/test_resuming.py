"""A start that fails right after it was resumed: the checkpoint before is tried, once each."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.agent_stand_ins import Clock, MemoryStore
from support.run_machine import CONFIG, Machine

from runctl_auto.agent.keys import checkpoint_prefix, lineage_prefix, manifest_key
from runctl_auto.agent.machine.machine_identity import MachineIdentity
from runctl_auto.agent.saving.checkpoints import Checkpoints
from runctl_auto.agent.saving.resuming import START_SECONDS
from runctl_auto.agent.status import StatusWriter


class Reruns:
    """A lineage with checkpoints 0, 1, 2; `ends` says how the command ends for each content."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = MemoryStore()
        self.clock = Clock()
        self.ends: dict[str, int] = {}
        self.started: list[str] = []
        self.takes = 1.0
        self.meanwhile = lambda machine: None
        first = Machine(root / "first", self.store, Clock(), command="train")
        for content in ("zero", "one", "two"):
            self._save(first, content)

    def _save(self, machine: Machine, content: str) -> None:
        machine.write("checkpoints/state", content)
        name = Checkpoints(
            self.store,
            "line",
            folder=machine.work / "checkpoints",
            scratch=machine.folder / "scratch",
            keep=3,
            say=machine.said.append,
        ).save()
        assert name is not None

    def run(self, name: str = "second", **spec: object) -> Machine:
        machine = Machine(self.root / name, self.store, self.clock, command="train", **spec)

        def train() -> None:
            content = (machine.work / "checkpoints/state").read_text()
            self.started.append(content)
            self.clock.now += self.takes
            self.meanwhile(machine)
            machine.jobs[-1].code = self.ends.get(content, 0)

        machine.scripts["train"] = (None, train)
        machine.outcome = machine.run()
        return machine

    def complete(self) -> list[str]:
        return [
            name
            for name in self.store.list_folders(lineage_prefix("line"))
            if manifest_key(checkpoint_prefix("line", name)) in self.store.objects
        ]


@pytest.fixture
def reruns(tmp_path: Path) -> Reruns:
    return Reruns(tmp_path)


def resumes(machine: Machine) -> list[tuple[str, bool]]:
    return [
        (each["checkpoint"], each["failure"] is not None) for each in machine.status.document()["resumes"]
    ]


def test_the_newest_is_enough_when_it_works(reruns: Reruns) -> None:
    machine = reruns.run()
    assert machine.outcome.phase == "succeeded"
    assert reruns.started == ["two"]
    assert resumes(machine) == [("00000002", False)]


def test_the_one_before_is_tried_and_told(reruns: Reruns) -> None:
    reruns.ends = {"two": 1}
    machine = reruns.run()
    assert machine.outcome.phase == "succeeded"
    assert reruns.started == ["two", "one"]
    assert resumes(machine) == [("00000002", True), ("00000001", False)]
    assert machine.status.document()["resumed_from"] == "00000001"
    assert (
        "the command ended with exit code 1, right after it went on from checkpoint 00000002; "
        "checkpoint 00000001 is tried" in machine.said
    )


def test_each_is_tried_once_and_the_outcome_names_them(reruns: Reruns) -> None:
    reruns.ends = {"zero": 1, "one": 1, "two": 1}
    machine = reruns.run()
    assert (machine.outcome.phase, machine.outcome.reason) == ("failed", "command_failed")
    assert reruns.started == ["two", "one", "zero"]
    assert machine.outcome.message == (
        "the command ended with exit code 1; checkpoints tried: 00000002, 00000001, 00000000"
    )
    assert resumes(machine) == [("00000002", True), ("00000001", True), ("00000000", True)]


def test_what_failed_starts_leave_is_not_saved_over_progress(reruns: Reruns) -> None:
    reruns.ends = {"zero": 1, "one": 1, "two": 1}
    reruns.meanwhile = lambda machine: machine.write("checkpoints/crash.txt", "trace")
    reruns.run()
    assert reruns.complete() == ["00000000", "00000001", "00000002"]


def test_a_late_failure_is_no_fault_of_the_checkpoint(reruns: Reruns) -> None:
    reruns.ends = {"two": 1}
    reruns.takes = START_SECONDS + 1
    machine = reruns.run()
    assert machine.outcome.phase == "failed"
    assert reruns.started == ["two"]
    assert resumes(machine) == [("00000002", False)]


@pytest.mark.parametrize("code", [126, 127])
def test_a_command_that_cannot_be_run_is_no_fault_of_the_checkpoint(reruns: Reruns, code: int) -> None:
    reruns.ends = {"two": code}
    assert reruns.run().outcome.exit_code == code
    assert reruns.started == ["two"]


def test_a_first_start_that_fails_is_not_tried_again(tmp_path: Path) -> None:
    machine = Machine(tmp_path, MemoryStore(), Clock(), command="train")
    machine.scripts["train"] = (1, lambda: machine.write("checkpoints/state", "x"))
    assert machine.run().phase == "failed"
    assert len(machine.started) == 1


def test_a_replaced_machine_does_not_repeat_what_failed(reruns: Reruns) -> None:
    reruns.ends = {"two": 1}
    machine = reruns.run()
    status = StatusWriter(CONFIG, MachineIdentity("i-2"), reruns.store, previous=machine.status.document())
    assert status.failed_resumes() == ["00000002"]
    reruns.started.clear()
    other = Machine(reruns.root / "third", reruns.store, reruns.clock, command="train", status=status)
    other.scripts["train"] = (
        0,
        lambda: reruns.started.append((other.work / "checkpoints/state").read_text()),
    )
    assert other.run().phase == "succeeded"
    assert reruns.started == ["one"]

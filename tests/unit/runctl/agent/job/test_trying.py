"""Setup and the command are tried again after an error, within the limits of the run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.agent_stand_ins import Clock, MemoryStore
from support.run_machine import CONFIG, DOWN, Machine, ScriptedJob

from runctl_auto.agent.job.stopping import StopRequest, StopSwitch
from runctl_auto.agent.job.trying import Trying, pause_seconds
from runctl_auto.agent.keys import checkpoint_prefix, file_key, manifest_key
from runctl_auto.agent.machine.machine_identity import MachineIdentity
from runctl_auto.agent.saving.manifest import Manifest, StoredFile
from runctl_auto.agent.status import Outcome, StatusWriter
from runctl_auto.agent.watchers import Limits, LimitWatcher

FIRST = checkpoint_prefix("line", "00000000")


class PassingSwitch(StopSwitch):
    """Waits take no time but that of the clock. `meanwhile` happens during each."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.meanwhile: Callable[[], None] = lambda: None

    def wait(self, seconds: float) -> None:
        self._clock.wait(seconds)
        self.meanwhile()


class Trainer(Machine):
    """A machine whose scripts end with one code after the other."""

    def __init__(self, folder: Path, store: MemoryStore, clock: Clock, *codes: int, **spec: Any) -> None:
        spec = {"command": "train", "retry": {"max_attempts": 3}, **spec}
        super().__init__(folder, store, clock, **spec)
        self.waits = clock.waits
        self.passing = PassingSwitch(clock)
        self.tools = replace(self.tools, switch=self.passing)
        self.codes = {"train": list(codes)}
        self.meanwhile: Callable[[], None] = lambda: None

    def start(self, script: str, environment: Mapping[str, str], shell: Sequence[str]) -> ScriptedJob:
        self.scripts[script] = (self.codes[script].pop(0), self.meanwhile)
        return super().start(script, environment, shell)

    def tries(self) -> list[tuple[int, str, int | None]]:
        found = self.status.document().get("tries", [])
        return [(each["number"], each["reason"], each["exit_code"]) for each in found]


def test_a_command_that_fails_twice_and_then_succeeds(
    tmp_path: Path, store: MemoryStore, clock: Clock
) -> None:
    machine = Trainer(tmp_path, store, clock, 1, 1, 0)
    assert machine.run().phase == "succeeded"
    assert machine.waits == [10, 20]
    assert machine.tries() == [(1, "command_failed", 1), (2, "command_failed", 1)]
    assert [line for line in machine.said if line.startswith("try ")] == [
        "try 1 of 3 failed: the command ended with exit code 1; the next one starts in 10 s",
        "try 2 of 3 failed: the command ended with exit code 1; the next one starts in 20 s",
    ]


def test_no_more_tries_than_allowed(tmp_path: Path, store: MemoryStore, clock: Clock) -> None:
    machine = Trainer(tmp_path, store, clock, 7, 7, 7, 0)
    outcome = machine.run()
    assert (outcome.phase, outcome.reason, outcome.exit_code) == ("failed", "command_failed", 7)
    assert outcome.message == "the command ended with exit code 7; tried 3 times"
    assert len(machine.started) == 3


@pytest.mark.parametrize(
    ("code", "retry"),
    [(1, {}), (1, {"retry": {"max_attempts": 1}}), (126, {"retry": {"max_attempts": 3}}), (127, {})],
)
def test_what_is_not_tried_again(
    tmp_path: Path, store: MemoryStore, clock: Clock, code: int, retry: dict[str, Any]
) -> None:
    machine = Trainer(tmp_path, store, clock, code, 0, **{"retry": {"max_attempts": 1}, **retry})
    outcome = machine.run()
    assert (outcome.phase, outcome.exit_code, len(machine.started)) == ("failed", code, 1)
    assert (machine.waits, machine.tries()) == ([], [])
    assert "tried" not in str(outcome.message)


@pytest.mark.parametrize(
    ("outcome", "another"),
    [
        (Outcome("failed", "command_failed", 1), True),
        (Outcome("failed", "setup_failed", 1), True),
        (Outcome("failed", "left_processes"), False),
        (Outcome("failed", "agent_error"), False),
        (Outcome("stopped", "down", 1), False),
        (Outcome("stopped", "budget"), False),
        (Outcome("interrupted", "interruption", 143), False),
        (Outcome("succeeded", "completed", 0), False),
    ],
    ids=lambda value: getattr(value, "reason", None),
)
def test_only_failures_of_the_scripts_are_tried_again(
    store: MemoryStore, clock: Clock, outcome: Outcome, another: bool
) -> None:
    status = StatusWriter(CONFIG, MachineIdentity("i-1"), store, clock=clock, ticks=clock)
    said: list[str] = []
    trying = Trying(3, status, say=said.append, clock=clock, pause=clock.wait, stopping=lambda: False)
    assert trying.another(outcome) is another
    assert (status.tries(), len(said)) == ((1, 1) if another else (0, 0))


def test_setup_is_tried_again_and_not_once_it_succeeded(
    tmp_path: Path, store: MemoryStore, clock: Clock
) -> None:
    machine = Trainer(tmp_path, store, clock, 1, 0, setup="setup")
    machine.codes["setup"] = [1, 0]
    assert machine.run().phase == "succeeded"
    assert [script for script, _ in machine.started] == ["setup", "setup", "train", "train"]
    assert machine.tries() == [(1, "setup_failed", 1), (2, "command_failed", 1)]


def test_tries_count_on_all_machines_of_the_run(tmp_path: Path, store: MemoryStore, clock: Clock) -> None:
    machine = Trainer(tmp_path / "first", store, clock, 1, 1)
    machine.passing.meanwhile = lambda: machine.passing.set(
        StopRequest("interrupted", "interruption", "the cloud takes the machine back")
    )
    assert machine.run().phase == "interrupted"
    previous = json.loads(json.dumps(machine.status.document()))
    status = StatusWriter(CONFIG, MachineIdentity("i-2"), store, previous=previous, clock=clock, ticks=clock)
    second = Trainer(tmp_path / "second", store, clock, 1, 1, 0, status=status)
    assert second.run().phase == "failed"
    assert (len(machine.started), len(second.started)) == (1, 2)
    assert [number for number, *_ in second.tries()] == [1, 2]


def test_a_stop_during_a_pause_ends_the_run_as_it_says(
    tmp_path: Path, store: MemoryStore, clock: Clock
) -> None:
    machine = Trainer(tmp_path, store, clock, 1, 0)
    machine.passing.meanwhile = lambda: machine.passing.set(DOWN)
    outcome = machine.run()
    assert (outcome.phase, outcome.reason, outcome.exit_code) == ("stopped", "down", None)
    assert len(machine.started) == 1


def test_the_limits_hold_over_all_tries(tmp_path: Path, store: MemoryStore, clock: Clock) -> None:
    machine = Trainer(tmp_path, store, clock, *[1] * 9, 0, retry={"max_attempts": 10})
    watcher = LimitWatcher(machine.status.seconds_spent, Limits(max_duration=60), machine.passing, clock)
    machine.passing.meanwhile = watcher.look
    outcome = machine.run()
    assert (outcome.phase, outcome.reason) == ("stopped", "max_duration")
    assert machine.waits == [10, 20, 40]


def test_pauses_grow_to_five_minutes() -> None:
    assert [pause_seconds(failed) for failed in (1, 2, 3, 5, 6, 1000)] == [10, 20, 40, 160, 300, 300]


def test_a_checkpoint_is_saved_before_the_pause_and_stays_for_the_next_try(
    tmp_path: Path, store: MemoryStore, clock: Clock
) -> None:
    machine = Trainer(tmp_path, store, clock, 1, 0)
    machine.meanwhile = lambda: machine.write("checkpoints/state", "1")
    saved: list[bool] = []
    machine.passing.meanwhile = lambda: saved.append(store.objects.get(f"{FIRST}files/state") == b"1")
    assert machine.run().phase == "succeeded"
    assert saved == [True]
    assert (machine.work / "checkpoints/state").read_text() == "1"
    assert machine.status.document()["resumed_from"] is None


def test_after_a_crash_in_the_middle_of_a_file_the_next_try_begins_with_the_whole_checkpoint(
    tmp_path: Path, store: MemoryStore, clock: Clock
) -> None:
    stored = StoredFile("state", 5, hashlib.sha256(b"whole").hexdigest())
    store.objects[file_key(FIRST, "state")] = b"whole"
    store.objects[manifest_key(FIRST)] = Manifest((stored,)).to_json()
    machine = Trainer(tmp_path, store, clock, 139, 0)
    found: list[str] = []

    def train() -> None:
        found.append((machine.work / "checkpoints/state").read_text())
        if len(machine.started) == 1:
            machine.write("checkpoints/state", "tor")

    machine.meanwhile = train
    assert machine.run().phase == "succeeded"
    assert (found[0], found[-1]) == ("whole", "whole")
    suspect = machine.status.document()["suspect"]
    assert suspect is not None
    assert suspect["path"] == "state"
    assert "going back to checkpoint 00000000" in machine.said

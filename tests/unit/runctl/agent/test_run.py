"""A whole run in this process: real work folder, a job and a store that are stand-ins."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from support.agent_stand_ins import Clock, MemoryStore
from support.run_machine import ARTIFACTS, CHECKPOINT, DOWN, LOGS, Machine

from runctl_auto.agent.errors import AgentError, VolumeError
from runctl_auto.agent.job.stopping import StopRequest, StopSwitch
from runctl_auto.agent.keys import (
    file_key,
    lineage_prefix,
    log_part_name,
    manifest_key,
    metrics_key,
    stop_key,
)
from runctl_auto.agent.run import Run
from runctl_auto.agent.spec import SecretSpec
from runctl_auto.agent.status import Outcome


@pytest.fixture
def machine(tmp_path: Path, store: MemoryStore, clock: Clock) -> Machine:
    return Machine(tmp_path, store, clock, setup="setup", command="train")


def test_setup_then_command_then_results(machine: Machine) -> None:
    def train() -> None:
        machine.write("checkpoints/state", "1")
        machine.write("model/m", "weights")
        machine.write("output/o", "more")

    machine.scripts["train"] = (0, train)
    assert machine.run() == Outcome("succeeded", "completed", 0)
    assert [script for script, _ in machine.started] == ["setup", "train"]
    assert machine.started[1][1]["RUNCTL_CHECKPOINT_DIR"] == str(machine.work / "checkpoints")
    assert machine.artifacts() == ["model/m", "output/o"]
    assert machine.store.objects[file_key(CHECKPOINT, "state")] == b"1"
    assert machine.status.document()["artifacts"] == {"files": 2, "bytes": 11}
    assert set(machine.phases()) >= {"boot", "fetch", "setup", "run", "upload"}


@pytest.mark.parametrize(
    ("volumes", "grows"), [([], False), ([{"name": "data", "id": "vol-1", "mount": "/data"}], True)]
)
def test_volumes_can_grow_while_the_command_runs(
    tmp_path: Path, store: MemoryStore, clock: Clock, volumes: list[dict[str, str]], grows: bool
) -> None:
    machine = Machine(tmp_path, store, clock, command="train", volumes=volumes)
    seen: list[bool] = []
    machine.scripts["train"] = (
        0,
        lambda: seen.append("volumes" in {each.name for each in threading.enumerate()}),
    )
    assert machine.run().phase == "succeeded"
    assert seen == [grows]


def test_a_failed_setup_never_runs_the_command(machine: Machine) -> None:
    machine.scripts["setup"] = (3, lambda: None)
    outcome = machine.run()
    assert (outcome.phase, outcome.reason, outcome.exit_code) == ("failed", "setup_failed", 3)
    assert [script for script, _ in machine.started] == ["setup"]


def test_a_failed_command_keeps_what_it_left(machine: Machine) -> None:
    machine.scripts["train"] = (7, lambda: machine.write("model/half", "x"))
    outcome = machine.run()
    assert (outcome.phase, outcome.reason, outcome.exit_code) == ("failed", "command_failed", 7)
    assert machine.artifacts() == ["model/half"]


def test_a_failure_is_told_with_its_likely_cause(machine: Machine) -> None:
    machine.scripts["train"] = (137, lambda: None)
    assert machine.run().message == (
        "the command ended with exit code 137 (SIGKILL): most often the machine's memory ran out"
    )
    said = replace(machine.tools, out_of_memory=lambda: "the kernel ended python3", switch=StopSwitch())
    assert str(Run(said).execute().message).endswith("(SIGKILL): the kernel ended python3")


@pytest.mark.parametrize(
    ("shell", "shells"),
    [
        (None, [("bash", "-e"), ("bash", "-e")]),
        ("bash -euo pipefail", [("bash", "-euo", "pipefail")] * 2),
        ("python -u", [("bash", "-e"), ("python", "-u")]),
    ],
)
def test_shells(
    tmp_path: Path, store: MemoryStore, clock: Clock, shell: str | None, shells: list[tuple[str, ...]]
) -> None:
    machine = Machine(tmp_path, store, clock, setup="setup", command="train", shell=shell)
    assert machine.run().phase == "succeeded"
    assert machine.shells == shells


def test_a_shell_that_is_not_there_is_a_failed_command(
    tmp_path: Path, store: MemoryStore, clock: Clock
) -> None:
    machine = Machine(tmp_path, store, clock, command="train", shell="absent -x")
    outcome = machine.run()
    assert (outcome.phase, outcome.reason, outcome.exit_code) == ("failed", "command_failed", 127)
    assert "absent" in str(outcome.message)


def test_a_stopped_job_gets_its_grace_and_its_last_checkpoint(machine: Machine) -> None:
    def be_stopped() -> None:
        machine.write("checkpoints/state", "saved on SIGTERM")
        machine.switch.set(DOWN)

    machine.scripts["train"] = (None, be_stopped)
    outcome = machine.run()
    assert (outcome.phase, outcome.reason, outcome.exit_code) == ("stopped", "down", 143)
    assert machine.jobs[-1].grace == 17
    assert machine.store.objects[file_key(CHECKPOINT, "state")] == b"saved on SIGTERM"
    assert outcome.message == "stopped on request (down); checkpoint 00000000 is saved"
    assert machine.artifacts() == []


def test_a_stopped_job_without_a_checkpoint_says_so(machine: Machine) -> None:
    machine.scripts["train"] = (None, lambda: machine.switch.set(DOWN))
    assert machine.run().message == "stopped on request (down); no checkpoint is saved"
    assert "no checkpoint is saved" in machine.said


def test_a_checkpoint_that_did_not_reach_the_store_is_not_called_saved(machine: Machine) -> None:
    def be_stopped() -> None:
        machine.write("checkpoints/state", "1")
        machine.switch.set(DOWN)

    machine.scripts["train"] = (None, be_stopped)
    machine.store.fail_on(lineage_prefix("line"))
    assert str(machine.run().message).endswith("no checkpoint is saved")


def test_an_interruption_saves_the_checkpoint_and_no_artifacts(machine: Machine) -> None:
    def interrupt() -> None:
        machine.write("checkpoints/state", "1")
        machine.switch.set(StopRequest("interrupted", "interruption", "taken back", 60))

    machine.scripts["train"] = (None, interrupt)
    outcome = machine.run()
    assert (outcome.phase, outcome.is_terminal) == ("interrupted", False)
    assert manifest_key(CHECKPOINT) in machine.store.objects
    assert ARTIFACTS not in machine.store.objects


def test_a_job_that_ended_by_itself_has_ended_by_itself(machine: Machine) -> None:
    machine.scripts["train"] = (0, lambda: machine.switch.set(DOWN))
    assert machine.run().phase == "succeeded"


def test_a_wish_to_stop_older_than_the_machine_starts_nothing(machine: Machine) -> None:
    machine.store.objects[stop_key("r1")] = b'{"reason": "down"}'
    outcome = machine.run()
    assert (outcome.phase, outcome.reason) == ("stopped", "down")
    assert machine.started == []


def test_a_stop_during_setup_is_no_failed_setup(machine: Machine) -> None:
    machine.scripts["setup"] = (None, lambda: machine.switch.set(DOWN))
    outcome = machine.run()
    assert (outcome.phase, outcome.reason) == ("stopped", "down")
    assert [script for script, _ in machine.started] == ["setup"]


def test_a_run_goes_on_from_the_lineages_checkpoint(machine: Machine, tmp_path: Path) -> None:
    machine.scripts["train"] = (1, lambda: machine.write("checkpoints/state", "5"))
    machine.run()
    other = Machine(tmp_path / "other", machine.store, Clock(), command="train")
    seen: list[str] = []
    other.scripts["train"] = (0, lambda: seen.append((other.work / "checkpoints/state").read_text()))
    other.run()
    assert seen == ["5"]
    assert other.status.document()["resumed_from"] == "00000000"
    assert "going on from checkpoint 00000000" in other.said


def test_a_restarted_agent_does_not_set_up_twice(machine: Machine) -> None:
    machine.run()
    again = Run(replace(machine.tools, switch=StopSwitch()))
    machine.started.clear()
    again.execute()
    assert [script for script, _ in machine.started] == ["train"]


def test_services_of_setup_live_to_the_end_and_need_setup_again(machine: Machine) -> None:
    machine.leaves["setup"] = ["redis-server"]
    machine.scripts["train"] = (0, lambda: seen.append(machine.services_ended))
    seen: list[int] = []
    assert machine.run().phase == "succeeded"
    assert (machine.jobs[0].ended_left, seen, machine.services_ended) == ([], [0], 1)
    assert "setup has left running, until the job ends: `redis-server`" in machine.said
    machine.started.clear()
    Run(replace(machine.tools, switch=StopSwitch())).execute()
    assert [script for script, _ in machine.started] == ["setup", "train"]


@pytest.mark.parametrize("script", ["setup", "train"])
def test_what_a_failed_script_left_is_ended_and_named(machine: Machine, script: str) -> None:
    machine.scripts[script] = (1, lambda: None)
    machine.leaves[script] = ["server --port 1"]
    assert machine.run().phase == "failed"
    assert machine.jobs[-1].ended_left == ["server --port 1"]
    assert "processes that it had left running are ended: `server --port 1`" in machine.said


def test_what_a_command_left_is_named_in_the_outcome(
    tmp_path: Path, store: MemoryStore, clock: Clock
) -> None:
    machine = Machine(
        tmp_path,
        store,
        clock,
        command="train",
        background="stop",
        secrets=[{"name": "TOKEN", "parameter": "/p/TOKEN"}],
    )
    machine.leaves["train"] = ["board --token 'value of /p/TOKEN'"]
    outcome = machine.run()
    assert outcome.phase == "succeeded"
    assert str(outcome.message).endswith("were ended: `board --token '***'`")


def test_a_stop_ends_the_wait_for_the_background(tmp_path: Path, store: MemoryStore, clock: Clock) -> None:
    machine = Machine(tmp_path, store, clock, command="train", background="wait")
    machine.leaves["train"] = ["worker"]
    machine.scripts["train"] = (0, lambda: machine.switch.set(DOWN))
    outcome = machine.run()
    assert (outcome.phase, outcome.reason) == ("stopped", "down")
    assert machine.jobs[-1].grace == 17


def test_an_artifact_that_cannot_be_stored_is_named_and_the_run_succeeds(machine: Machine) -> None:
    def train() -> None:
        machine.write("model/m", "weights")
        machine.write("model/line\nbreak", "x")

    machine.scripts["train"] = (0, train)
    outcome = machine.run()
    assert (outcome.phase, outcome.exit_code) == ("succeeded", 0)
    assert outcome.message == "not stored as artifacts: model/line\\nbreak"
    assert machine.artifacts() == ["model/m"]
    assert "artifacts: model/line\\nbreak is not stored: it has a line break in its name" in machine.said
    why = "has a line break in its name"
    assert machine.status.document()["unsaved"] == [
        {"what": "artifacts", "path": "model/line\\nbreak", "why": why}
    ]


def test_a_file_that_no_checkpoint_can_hold_is_in_the_status(machine: Machine) -> None:
    def train() -> None:
        machine.write("checkpoints/state", "1")
        machine.write("checkpoints/line\nbreak", "x")

    machine.scripts["train"] = (0, train)
    assert machine.run().phase == "succeeded"
    assert machine.store.objects[file_key(CHECKPOINT, "state")] == b"1"
    assert [(each["what"], each["path"]) for each in machine.status.document()["unsaved"]] == [
        ("checkpoint", "line\\nbreak")
    ]


@pytest.mark.parametrize("flaw", [TypeError("flaw"), UnicodeEncodeError("utf-8", "\udce9", 0, 1, "flaw")])
@pytest.mark.parametrize("when", ["periodic", "last"])
def test_an_error_of_ours_while_saving_ends_no_training(
    tmp_path: Path, store: MemoryStore, clock: Clock, flaw: Exception, when: str
) -> None:
    checkpoints = {"path": "checkpoints", "every_seconds": 0.001, "keep": 3}
    machine = Machine(tmp_path, store, clock, command="train", checkpoints=checkpoints)
    met = threading.Event()

    def fail(key: str) -> None:
        if key.startswith(lineage_prefix("line")):
            met.set()
            raise flaw

    def train() -> None:
        machine.write("checkpoints/state", "1")
        machine.write("model/m", "weights")
        assert when == "last" or met.wait(30)

    store.before_put = fail
    machine.scripts["train"] = (0, train)
    outcome = machine.run()
    assert (outcome.phase, outcome.exit_code) == ("succeeded", 0)
    assert machine.artifacts() == ["model/m"]
    (unsaved,) = machine.status.document()["unsaved"]
    assert (unsaved["what"], unsaved["path"]) == ("checkpoint", None)
    assert "flaw" in unsaved["why"]


def test_an_error_of_ours_while_storing_artifacts_is_told(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise TypeError("flaw")

    monkeypatch.setattr("runctl_auto.agent.saving.artifacts.upload_artifacts", fail)
    machine.scripts["train"] = (0, lambda: machine.write("model/m", "w"))
    outcome = machine.run()
    assert (outcome.phase, outcome.reason, outcome.exit_code) == ("failed", "agent_error", 0)
    (unsaved,) = machine.status.document()["unsaved"]
    assert (unsaved["what"], unsaved["path"]) == ("artifacts", None)


def test_artifacts_that_cannot_be_stored_are_no_success(machine: Machine) -> None:
    machine.scripts["train"] = (0, lambda: machine.write("model/m", "w"))
    machine.store.fail_on("model/m")
    outcome = machine.run()
    assert (outcome.phase, outcome.reason, outcome.exit_code) == ("failed", "agent_error", 0)
    assert "artifacts could not be stored" in str(outcome.message)


def test_artifacts_that_cannot_be_stored_do_not_hide_the_jobs_own_failure(machine: Machine) -> None:
    machine.scripts["train"] = (7, lambda: machine.write("model/m", "w"))
    machine.store.fail_on("model/m")
    assert machine.run().reason == "command_failed"


def test_a_checkpoint_that_cannot_be_stored_is_told(machine: Machine) -> None:
    machine.scripts["train"] = (0, lambda: machine.write("checkpoints/state", "1"))
    machine.store.fail_on(lineage_prefix("line"))
    assert machine.run().phase == "succeeded"
    assert any(text.startswith("last checkpoint:") for text in machine.said)


def test_a_status_that_cannot_be_written_does_not_stop_the_run(machine: Machine) -> None:
    machine.store.fail_on("status.json", times=100)
    assert machine.run().phase == "succeeded"


def test_a_volume_that_cannot_be_mounted_ends_the_run(machine: Machine) -> None:
    machine.volumes.error = VolumeError("no volume")
    with pytest.raises(VolumeError):
        machine.run()
    assert machine.started == []


def test_a_job_is_ended_when_the_agent_fails_beside_it(machine: Machine) -> None:
    def flaw() -> None:
        raise TypeError("flaw")

    machine.scripts["train"] = (None, flaw)
    with pytest.raises(TypeError):
        machine.run()
    assert machine.jobs[-1].grace is not None


def test_secrets_reach_setup_and_command_and_are_hidden_in_the_output(
    tmp_path: Path, store: MemoryStore, clock: Clock
) -> None:
    spec = {"secrets": [{"name": "TOKEN", "parameter": "/p/TOKEN"}], "setup": "setup", "command": "train"}
    machine = Machine(tmp_path, store, clock, **spec)
    (tmp_path / "out").write_text("a value of /p/TOKEN b\n")
    machine.run()
    assert [given["TOKEN"] for _, given in machine.started] == ["value of /p/TOKEN"] * 2
    machine.tools.logs.ship_all(store)
    assert store.objects[LOGS + log_part_name(0)] == b"a *** b\n"


def test_without_its_secrets_nothing_of_the_job_is_started_or_shown(
    tmp_path: Path, store: MemoryStore, clock: Clock
) -> None:
    machine = Machine(tmp_path, store, clock, secrets=[{"name": "TOKEN", "parameter": "/p/TOKEN"}])

    def denied(wanted: Sequence[SecretSpec]) -> dict[str, str]:
        raise AgentError("denied")

    (tmp_path / "out").write_text("from an earlier life\n")
    with pytest.raises(AgentError, match="denied"):
        Run(replace(machine.tools, secrets=denied)).execute()
    machine.tools.logs.ship_all(store)
    assert machine.started == []
    assert not any(b"earlier life" in data for data in store.objects.values())


def test_data_is_there_before_setup(tmp_path: Path, store: MemoryStore, clock: Clock) -> None:
    data = [{"bucket": "sets", "prefix": "digits/", "path": "data/"}]
    machine = Machine(tmp_path, store, clock, data=data, setup="setup", command="train")
    seen: list[str] = []
    machine.scripts["setup"] = (0, lambda: seen.append((machine.work / "data/from").read_text()))
    machine.run()
    assert seen == ["s3://sets/digits"]


def test_what_the_training_tells_is_kept_with_the_run(machine: Machine) -> None:
    def train() -> None:
        environment = machine.started[-1][1]
        Path(environment["RUNCTL_METRICS"]).write_text('{"step": 3, "reward": 7}\n')
        machine.write("output/metrics.csv", "step,acc\n3,0.5\n")
        with machine.output.open("a") as file:
            file.write("step=3 loss=0.25\n")

    machine.output.write_text("step=1 old=1\n")
    machine.scripts["setup"] = (0, lambda: machine.output.write_text("step=2 downloads=1\n"))
    machine.scripts["train"] = (0, train)
    assert machine.run().phase == "succeeded"
    found = json.loads(machine.store.objects[metrics_key("r1")])
    assert {each["name"]: (each["steps"], each["values"]) for each in found["training"]} == {
        "loss": ([3], [0.25]),
        "reward": ([3], [7]),
        "acc": ([3], [0.5]),
    }
    told = machine.status.document()["metrics"]["training"]
    assert {each["name"] for each in told} == {"loss", "reward", "acc"}


def test_metrics_that_cannot_be_stored_change_nothing(machine: Machine) -> None:
    machine.store.fail_on(metrics_key("r1"), times=9)
    machine.scripts["train"] = (0, lambda: machine.output.write_text("step=3 loss=0.25\n"))
    assert machine.run() == Outcome("succeeded", "completed", 0)
    assert any("metrics:" in each for each in machine.said)

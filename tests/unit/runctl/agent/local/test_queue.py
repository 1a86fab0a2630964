"""The queue of this machine's jobs: in order, never more than there is, whoever is killed when."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.local.agent_record import AgentRecord
from runctl_auto.agent.local.capacity import Capacity, Needs
from runctl_auto.agent.local.job_folder import JobFolder
from runctl_auto.agent.local.queue import Queue, Turn

RUN = "0123456789"


def record(job: str, needs: Needs = Needs(), secrets: tuple[str, ...] = ()) -> AgentRecord:  # noqa: B008
    return AgentRecord(
        job=job,
        run=RUN,
        spec_key="spec",
        spec_sha256="0" * 64,
        python="python3",
        environment={},
        needs=needs,
        secrets=secrets,
    )


class Machine:
    """Agents that are started: each holds the lock of its job until it ends or is killed."""

    def __init__(self, root: Path, capacity: Capacity) -> None:
        self.locks: dict[str, int] = {}
        self.started: list[str] = []
        self.ended_leftovers: list[str] = []
        self.said: list[str] = []
        self.refuses: set[str] = set()
        self.queue = Queue(
            root,
            self.start,
            end_leftover=lambda folder, run: self.ended_leftovers.append(f"{folder.name}/{run}"),
            say=self.said.append,
        )
        self.queue.offer(capacity) if root.mkdir(exist_ok=True) is None else None

    def start(self, folder: JobFolder, made: AgentRecord, lock: int) -> None:
        if made.job in self.refuses:
            raise OSError("no such python")
        self.locks[made.job] = os.dup(lock)
        self.started.append(made.job)

    def begin(self, job: str) -> None:
        """What an agent does first."""
        folder = self.queue.folder(job)
        turn = Turn.of(folder)
        assert turn is not None
        folder.begun.write_text(str(turn.number))

    def end(self, job: str) -> None:
        """What an agent does last."""
        self.queue.leave(job)
        os.close(self.locks.pop(job))

    def kill(self, job: str) -> None:
        os.close(self.locks.pop(job))

    def enter(self, job: str, needs: Needs = Needs(), secrets: tuple[str, ...] = ()) -> None:  # noqa: B008
        folder = self.queue.folder(job)
        folder.path.mkdir(parents=True, exist_ok=True)
        record(job, needs, secrets).write(folder)
        self.queue.enter(job, RUN, self.start if secrets else None)

    def turn(self, job: str) -> Turn:
        found = Turn.of(self.queue.folder(job))
        assert found is not None
        return found


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "local", Capacity(2, 4, 8, (0, 1)))


def test_who_ends_starts_the_next_in_order(machine: Machine) -> None:
    for number in range(5):
        machine.enter(f"job{number}")
    assert machine.started == ["job0", "job1"]
    place = machine.queue.position("job3")
    assert place is not None
    assert place == (1, "2 jobs run, and at most 2 may (max_parallel_jobs)")
    for job in ("job1", "job0", "job2"):
        machine.begin(job)
        machine.end(job)
    assert machine.started == ["job0", "job1", "job2", "job3", "job4"]
    assert machine.queue.position("job3") is None


def test_gpus_are_numbered_and_given_to_one_job_each(machine: Machine) -> None:
    machine.enter("a", Needs(gpus=1))
    machine.enter("b", Needs(gpus=1))
    assert (machine.turn("a").gpus, machine.turn("b").gpus) == ((0,), (1,))
    machine.begin("a")
    machine.end("a")
    machine.enter("c", Needs(gpus=2))
    assert machine.queue.position("c") == (0, "2 GPUs; 1 jobs run")
    machine.enter("d")
    assert machine.started == ["a", "b"], "who needs much is not passed over"
    machine.begin("b")
    machine.end("b")
    assert machine.turn("c").gpus == (0, 1)


def test_cpus_and_memory_are_counted(machine: Machine) -> None:
    machine.enter("a", Needs(cpus=3, memory_gb=4))
    machine.enter("b", Needs(cpus=2))
    assert machine.started == ["a"]
    machine.begin("a")
    machine.end("a")
    assert machine.started == ["a", "b"]


def test_a_job_that_was_killed_frees_its_place_and_its_processes_are_ended(machine: Machine) -> None:
    for job in ("a", "b", "c"):
        machine.enter(job)
    machine.begin("a")
    machine.kill("a")
    machine.queue.advance()
    assert machine.started == ["a", "b", "c"]
    assert machine.ended_leftovers == [f"a/{RUN}"]
    assert machine.turn("a").state == "none", "it goes on when somebody asks for it"


def test_a_job_that_never_began_waits_again(machine: Machine) -> None:
    machine.enter("a")
    machine.kill("a")
    assert machine.queue.position("a") is not None
    machine.queue.advance()
    assert machine.started == ["a", "a"]
    assert machine.ended_leftovers == []


def test_a_job_that_cannot_be_started_keeps_its_turn_and_is_told(machine: Machine) -> None:
    machine.refuses.add("a")
    machine.enter("a")
    assert machine.said == ["job a cannot be started: no such python"]
    assert machine.turn("a").state == "waiting"
    machine.refuses.clear()
    machine.queue.advance()
    assert machine.started == ["a"]


def test_a_job_with_secrets_waits_as_a_process_that_holds_them(machine: Machine) -> None:
    machine.enter("a")
    machine.enter("b")
    machine.enter("s", secrets=("TOKEN",))
    assert machine.started == ["a", "b", "s"]
    assert machine.turn("s").state == "waiting"
    machine.begin("a")
    machine.end("a")
    assert machine.turn("s").state == "granted"
    assert machine.started == ["a", "b", "s"], "it was there already"


def test_a_job_whose_secrets_are_gone_stops_nobody(machine: Machine) -> None:
    machine.enter("a")
    machine.enter("b")
    machine.enter("s", secrets=("TOKEN",))
    machine.enter("c")
    machine.kill("s")
    machine.begin("a")
    machine.end("a")
    assert machine.started[-1] == "c"
    place = machine.queue.position("s")
    assert place is not None
    assert "TOKEN" in place[1]


def test_entering_again_keeps_the_place(machine: Machine) -> None:
    for job in ("a", "b", "c", "d"):
        machine.enter(job)
    number = machine.turn("c").number
    machine.enter("c")
    assert machine.turn("c").number == number
    machine.queue.leave("c")
    machine.enter("c")
    assert machine.turn("c").number > machine.turn("d").number


def test_an_agent_that_ends_leaves_the_next_run_of_its_job_alone(machine: Machine) -> None:
    machine.enter("a")
    machine.begin("a")
    folder = machine.queue.folder("a")
    Turn("waiting", 9, "fedcba9876").write(folder)
    machine.queue.leave("a", RUN)
    assert machine.turn("a").state == "waiting"
    assert machine.started == ["a"], "its agent has not ended yet"
    machine.kill("a")
    machine.queue.advance()
    assert machine.started == ["a", "a"]


def test_a_queue_without_jobs_removes_its_files(machine: Machine, tmp_path: Path) -> None:
    machine.enter("a")
    machine.begin("a")
    machine.end("a")
    machine.queue.clear()
    assert (tmp_path / "local" / "jobs").is_dir(), "it has a job"
    folder = machine.queue.folder("a").path
    for file in sorted(folder.rglob("*"), reverse=True):
        file.unlink()
    folder.rmdir()
    machine.queue.clear()
    assert not (tmp_path / "local").exists()


def test_a_record_that_cannot_be_read_stops_nobody(machine: Machine) -> None:
    machine.enter("a")
    machine.enter("b")
    machine.enter("c")
    machine.queue.folder("c").record.write_text("{")
    machine.enter("d")
    machine.begin("a")
    machine.end("a")
    assert machine.started[-1] == "d"
    with pytest.raises(AgentError):
        AgentRecord.of(machine.queue.folder("c"))


class AnyOrder(RuleBasedStateMachine):
    """Jobs come, begin, end and are killed in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.capacity = Capacity(2, 4, 8, (0, 1))
        self.machine = Machine(Path(self.folder.name) / "local", self.capacity)
        self.needs: dict[str, Needs] = {}
        self.begun: set[str] = set()

    def teardown(self) -> None:
        for job in list(self.machine.locks):
            self.machine.kill(job)
        self.folder.cleanup()

    @initialize()
    def offer(self) -> None:
        self.machine.queue.offer(self.capacity)

    @rule(gpus=st.integers(0, 2), cpus=st.integers(0, 4))
    def enter(self, gpus: int, cpus: int) -> None:
        job = f"job{len(self.needs):02}"
        self.needs[job] = Needs(cpus=cpus, gpus=gpus)
        self.machine.enter(job, self.needs[job])

    @precondition(lambda self: self.machine.locks)
    @rule(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(sorted(self.machine.locks)))
        self.machine.begin(job)
        self.begun.add(job)

    @precondition(lambda self: self.begun & self.machine.locks.keys())
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        self.machine.end(data.draw(st.sampled_from(sorted(self.begun & self.machine.locks.keys()))))

    @precondition(lambda self: self.machine.locks)
    @rule(data=st.data())
    def kill(self, data: st.DataObject) -> None:
        self.machine.kill(data.draw(st.sampled_from(sorted(self.machine.locks))))

    @rule()
    def advance(self) -> None:
        self.machine.queue.advance()

    @invariant()
    def nobody_has_more_than_there_is(self) -> None:
        running = sorted(self.machine.locks)
        gpus = [number for job in running for number in self.machine.turn(job).gpus]
        assert len(running) <= self.capacity.jobs
        assert len(gpus) == len(set(gpus)), "a GPU is given to one job"
        assert sum(self.needs[job].cpus for job in running) <= self.capacity.cpus
        assert all(len(self.machine.turn(job).gpus) == self.needs[job].gpus for job in running)

    @invariant()
    def they_begin_in_order(self) -> None:
        first = list(dict.fromkeys(self.machine.started))
        assert first == sorted(first)

    @invariant()
    def nobody_is_forgotten(self) -> None:
        for job in self.needs:
            is_known = job in self.machine.locks or self.machine.queue.position(job) is not None
            assert is_known or job in self.begun


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)

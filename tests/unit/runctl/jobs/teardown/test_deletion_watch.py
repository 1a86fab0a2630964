"""A deletion that takes long is told with its reason, and what is quick is not."""

from __future__ import annotations

from support.job_stacks import FakeTime

from runctl_auto.engine.events import DiagnosticEvent, StepEvent
from runctl_auto.jobs.teardown.deletion_watch import DeletionWatch, watching

GROUP = "aws:ec2/securityGroup:SecurityGroup"


class World:
    def __init__(self) -> None:
        self.time = FakeTime()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.watch = DeletionWatch(self.reason, self.said.append, self.time.monotonic)

    def reason(self, step: StepEvent) -> str:
        self.asked.append(step.physical_id)
        return "somebody holds it"

    def hear(self, stage: str, operation: str = "delete", name: str = "group") -> None:
        urn = f"urn:pulumi:d::runctl::{GROUP}::{name}"
        self.watch.hear(StepEvent(stage, operation, urn, GROUP, physical_id=f"sg-{name}"))  # type: ignore[arg-type]

    def after(self, seconds: float) -> list[str]:
        self.time.sleep(seconds)
        self.said.clear()
        self.watch.look()
        return self.said


def test_it_is_told_after_ten_seconds_and_then_once_a_minute() -> None:
    world = World()
    world.hear("started")
    assert world.after(9) == []
    assert world.after(1) == ["still deleting group (sg-group) after 10 s: somebody holds it"]
    assert world.after(59) == []
    assert world.after(1) == ["still deleting group (sg-group) after 70 s: somebody holds it"]


def test_what_is_done_or_failed_is_not_told() -> None:
    for stage in ("done", "failed"):
        world = World()
        world.hear("started")
        world.after(9)
        world.hear(stage)
        assert world.after(60) == []
        assert world.asked == []


def test_each_has_its_own_time() -> None:
    world = World()
    world.hear("started", name="a")
    world.after(5)
    world.hear("started", "delete-replaced", name="b")
    assert [line.split()[2] for line in world.after(5)] == ["a"]
    assert [line.split()[2] for line in world.after(5)] == ["b"]


def test_other_operations_and_messages_are_none_of_its_business() -> None:
    world = World()
    for operation in ("create", "update", "same", "read"):
        world.hear("started", operation)
    world.watch.hear(DiagnosticEvent("info", "deleting"))
    assert world.after(100) == []


def test_its_thread_ends_with_the_operation() -> None:
    import threading

    world = World()
    before = threading.active_count()
    with watching(world.watch):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before

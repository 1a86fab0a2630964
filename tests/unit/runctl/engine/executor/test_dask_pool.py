"""Work on a cluster: begun again when it is lost or refused, never more at once than there are engines."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from support.job_stacks import FakeTime

from runctl_auto.engine.executor.cluster import State, Task
from runctl_auto.engine.executor.contract import Done, Work
from runctl_auto.engine.executor.dask_pool import MOST_LOSSES, DaskPool
from runctl_auto.errors import EngineError, LeakedError, RunctlError, StackLockedError, UsageError


@dataclass(eq=False)
class FakeTask:
    """Ends as the fate of its stack says: of ``lost`` and ``works`` the next time it is looked at."""

    key: str
    do: Callable[[Any], Any]
    item: Any
    fate: State = "ended"
    answer: Any = None

    def state(self) -> State:
        return self.fate

    def result(self) -> Any:
        if self.answer is None:
            self.answer = self.do(self.item)
        return pickle.loads(pickle.dumps(self.answer))

    def failure(self) -> BaseException:
        return ValueError("the worker could not run it")


@dataclass
class FakeCluster:
    """``fates`` of tasks in the order of their submission; ``ended`` after these."""

    engines_now: int = 2
    fates: list[State] = field(default_factory=list)
    tasks: list[FakeTask] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    most_at_once: int = 0

    def engines(self) -> int:
        return self.engines_now

    def submit(self, do: Callable[[Any], Any], item: Any, *, key: str) -> Task:
        fate: State = self.fates.pop(0) if self.fates else "ended"
        task = FakeTask(key, do, item, fate)
        self.tasks.append(task)
        at_once = sum(each.key not in self.forgotten for each in self.tasks)
        self.most_at_once = max(self.most_at_once, at_once)
        return task

    def wait(self, tasks: Sequence[Task], seconds: float) -> None:
        for each in tasks:
            if isinstance(each, FakeTask) and each.fate == "works":
                each.fate = "ended"
                return

    def forget(self, task: Task) -> None:
        self.forgotten.append(task.key)

    def close(self) -> None:
        """Nothing is open."""


def place_of(stack: str) -> str:
    return f"at {stack}"


def twice(place: str, item: int) -> int:
    assert place.startswith("at job")
    return item * 2


def works(count: int) -> list[Work[int]]:
    return [Work(f"job-{number}", number) for number in range(count)]


def pool(cluster: FakeCluster, clock: FakeTime | None = None, **more: Any) -> DaskPool[str]:
    clock = clock or FakeTime()
    return DaskPool(cluster, place_of, campaign="c", sleep=clock.sleep, clock=clock.monotonic, **more)


def test_everything_is_done_once_and_no_more_at_once_than_there_are_engines() -> None:
    cluster = FakeCluster(engines_now=3, fates=["works"] * 7)
    done = list(pool(cluster).run(works(7), twice))
    assert {each.work.stack: each.result for each in done} == {f"job-{n}": n * 2 for n in range(7)}
    assert len(cluster.tasks) == 7
    assert cluster.most_at_once == 3
    assert sorted(cluster.forgotten) == sorted(each.key for each in cluster.tasks)


def test_what_was_lost_with_its_worker_begins_again_under_another_key() -> None:
    cluster = FakeCluster(fates=["lost", "ended", "lost"])
    done = list(pool(cluster).run(works(2), twice))
    assert sorted(each.result or 0 for each in done) == [0, 2]
    keys = [each.key for each in cluster.tasks]
    assert len(keys) == len(set(keys)) == 4
    assert all(each.startswith("runctl-job-") for each in keys)


def test_what_is_lost_again_and_again_is_given_up_and_the_others_are_not() -> None:
    cluster = FakeCluster(engines_now=1, fates=["lost"] * (MOST_LOSSES + 1))
    first, *rest = works(1)
    [done] = pool(cluster).run([first, *rest], twice)
    assert isinstance(done.error, EngineError)
    assert "job-0" in str(done.error)
    assert len(cluster.tasks) == MOST_LOSSES + 1


def refused_at_first(attempts: list[int]) -> Callable[[str, int], int]:
    def do(place: str, item: int) -> int:
        attempts.append(item)
        if len(attempts) < 3:
            raise StackLockedError("somebody works on it")
        return item

    return do


def test_a_stack_that_another_works_on_is_tried_again_after_a_pause() -> None:
    clock, attempts = FakeTime(), list[int]()
    [done] = pool(FakeCluster(), clock).run([Work("job", 5)], refused_at_first(attempts))
    assert done.result == 5
    assert len(attempts) == 3
    assert clock.monotonic() >= 10


def test_a_result_that_tells_of_a_refusal_counts_as_one_and_not_for_ever() -> None:
    clock = FakeTime()
    [done] = pool(FakeCluster(), clock, is_refusal=lambda result: result == 10).run([Work("job", 5)], twice)
    assert done.result == 10
    assert 900 <= clock.monotonic() < 1000


def leaks(place: str, item: int) -> int:
    raise LeakedError("something is left", receipt={"leaked": []}, where={"job": "a"}, next_step="look")


def fails_oddly(place: str, item: int) -> int:
    error = UsageError("odd", next_step="read it")
    error.held = lambda: None  # type: ignore[attr-defined]  # what cannot be pickled
    raise error


def breaks(place: str, item: int) -> int:
    raise KeyError("a bug")


@pytest.mark.parametrize(
    ("do", "kind", "text"),
    [(leaks, LeakedError, "is left"), (fails_oddly, RunctlError, "odd"), (breaks, KeyError, "bug")],
)
def test_errors_come_home_with_their_words(do: Callable[[str, int], int], kind: type, text: str) -> None:
    [done] = pool(FakeCluster()).run(works(1), do)
    assert type(done.error) is kind
    assert text in str(done.error)
    if isinstance(done.error, RunctlError):
        assert done.error.next_step


def test_a_task_that_the_cluster_could_not_run_is_told() -> None:
    [done] = pool(FakeCluster(fates=["failed"])).run(works(1), twice)
    assert isinstance(done.error, ValueError)


def test_after_a_no_nothing_else_begins_and_what_has_begun_ends() -> None:
    cluster = FakeCluster(engines_now=2, fates=["works"] * 6)

    def goes_on(done: Done[int, int]) -> bool:
        return False

    done = list(pool(cluster).run(works(6), twice, goes_on=goes_on))
    assert len(done) == len(cluster.tasks) == 2


def test_a_cluster_without_engines_is_told_after_a_while() -> None:
    clock = FakeTime()
    with pytest.raises(EngineError, match="offers an engine"):
        list(pool(FakeCluster(engines_now=0), clock).run(works(1), twice))
    assert clock.monotonic() > 120


def test_an_interruption_is_raised_once_what_has_begun_has_ended() -> None:
    cluster = FakeCluster(fates=["works", "works"])
    running = pool(cluster).run(works(3), twice)
    next(running)
    assert isinstance(running, object)
    with pytest.raises(KeyboardInterrupt):
        running.throw(KeyboardInterrupt)  # type: ignore[attr-defined]
    assert all(each.fate == "ended" for each in cluster.tasks)

from __future__ import annotations

from runctl_auto.agent.metrics.progress import Progress
from runctl_auto.agent.metrics.record import Record


def bar(done: float, total: float | None = None, epoch: float | None = None, clock: str = "step") -> Record:
    return Record({"loss": 1.0}, counter=done, total=total, epoch=epoch, clock=clock)


def positions(progress: Progress, *records: Record) -> list[float | None]:
    return [progress.position(each) for each in records]


def test_steps_that_never_begin_anew_are_positions() -> None:
    assert positions(Progress(), bar(1), bar(2, epoch=1), bar(1)) == [1, 2, 3], "without an epoch, it goes on"
    assert positions(Progress(), bar(100, epoch=3), bar(200, epoch=4)) == [100, 200]


def test_a_bar_of_each_epoch() -> None:
    records = [bar(done, 20, epoch) for epoch in (0, 1, 2) for done in (10, 20)]
    assert positions(Progress(), *records) == [10, 20, 30, 40, 50, 60]
    one_based = [bar(done, 20, epoch) for epoch in (1, 2) for done in (10, 20)]
    assert positions(Progress(), *one_based) == [10, 20, 30, 40]


def test_steps_of_each_epoch_without_a_total() -> None:
    records = [bar(done, None, epoch) for epoch in (1, 2, 3) for done in (5, 10)]
    assert positions(Progress(), *records) == [5, 10, 15, 20, 25, 30]
    single = [bar(10, None, epoch) for epoch in (1, 2)]
    assert positions(Progress(), *single) == [10, 20]


def test_a_later_start_has_the_same_positions() -> None:
    first = Progress()
    positions(first, *[bar(done, None, epoch) for epoch in (1, 2) for done in (5, 10)])
    later = Progress(first.learnt())
    assert positions(later, bar(5, None, 2), bar(10, None, 2), bar(5, None, 3)) == [15, 20, 25]


def test_two_bars_do_not_disturb_each_other() -> None:
    progress = Progress()
    train, check = bar(20, 20, 0, "bar epoch"), bar(5, 5, None, "bar validation")
    assert positions(progress, train, check, bar(1, 20, 1, "bar epoch")) == [20, 5, 21]


def test_a_global_step_is_a_position_whatever_came_before() -> None:
    progress = Progress()
    progress.position(bar(100))
    assert progress.position(Record({"loss": 1.0}, counter=7.0, absolute=True)) == 7
    assert progress.position(Record({"loss": 1.0}, epoch=3.0)) is None

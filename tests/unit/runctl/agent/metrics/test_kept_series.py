from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from runctl_auto.agent.metrics.document import MOST_MACHINE_POINTS, MOST_POINTS_OF_ONE, Unit
from runctl_auto.agent.metrics.kept_series import MachineSeries, TrainingSeries


def series(*steps: float) -> TrainingSeries:
    found = TrainingSeries("loss", "step", "output")
    for step in steps:
        found.add(step, step / 10, step * 2)
    return found


def test_all_points_of_a_short_series() -> None:
    found = series(1, 2, 5).as_json()
    assert (found["steps"], found["values"], found["seconds"]) == ([1, 2, 5], [0.1, 0.2, 0.5], [2, 4, 10])
    assert found["points"] == 3


def test_a_long_series_keeps_points_at_even_distances_and_the_newest() -> None:
    found = series(*range(1, 10_000)).as_json()
    steps = found["steps"]
    assert len(steps) <= MOST_POINTS_OF_ONE
    assert (steps[0], steps[-1], found["points"]) == (1, 9999, 9999)
    distances = {later - earlier for earlier, later in pairwise(steps[:-1])}
    assert len(distances) == 1


def test_a_step_that_is_repeated_replaces_what_came_after_it() -> None:
    found = series(10, 20, 30, 40)
    found.add(20, 7.0, 100)
    assert found.as_json()["steps"] == [10, 20]
    assert found.as_json()["values"] == [1, 7]
    found.add(20, 8.0, 101)
    assert (found.last, found.points) == (8.0, 2)
    found.add(5, 9.0, 102)
    assert found.as_json()["steps"] == [5]


def test_a_series_goes_on_from_what_was_stored() -> None:
    stored = series(*range(5000))
    later = TrainingSeries.of(stored.as_json())
    for step in range(4000, 6000):
        later.add(step, 1.0, 0.0)
    steps = later.as_json()["steps"]
    assert steps == sorted(set(steps))
    assert steps[-1] == 5999
    assert len(steps) <= MOST_POINTS_OF_ONE
    assert 5000 <= later.points <= 7000


@given(st.lists(st.integers(0, 300), max_size=200), st.integers(2, 20))
def test_steps_always_rise_and_the_newest_is_there(steps: list[int], most: int) -> None:
    found = TrainingSeries("loss", "step", "output")
    for number, step in enumerate(steps):
        found.add(step, number, number)
        found.thin(most)
        kept = found.as_json()
        assert kept["steps"] == sorted(set(kept["steps"]))
        assert len(kept["steps"]) <= most
        assert (kept["steps"][-1], kept["values"][-1]) == (step, number)
        assert kept["points"] >= len(kept["steps"])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=3000))
def test_a_measure_of_the_machine_keeps_its_mean(values: list[float]) -> None:
    found = MachineSeries("cpu", Unit.SHARE)
    for number, value in enumerate(values):
        found.add(number, value)
    kept = found.as_json()
    assert len(kept["values"]) <= MOST_MACHINE_POINTS
    assert kept["points"] == len(values)
    assert kept["seconds"] == sorted(kept["seconds"])
    assert kept["seconds"][-1] == len(values) - 1
    assert MachineSeries.of(kept).as_json()["values"] == kept["values"]


def test_recent_values() -> None:
    found = series(*range(100))
    assert len(found.recent(24)) == 24
    assert found.recent(24)[-1] == 9.9
    assert series(1, 2).recent(24) == [0.1, 0.2]

"""When timers elapse."""

from dataclasses import replace

import pytest

from sandbox.hosts.guest.timer import Moments, next_elapse
from sandbox.hosts.guest.unit_files import TimerUnit, UnitHead

HEAD = UnitHead("a.timer", "a")
NOW = Moments(
    now=1000.0,
    wall=50_000.0,
    boot=900.0,
    activated=990.0,
    unit_active=None,
    unit_inactive=None,
    stamp=50_000.0,
)


def timer(**fields):
    return TimerUnit(HEAD, "a.service", **fields)


@pytest.mark.parametrize(
    ("unit", "moments", "expected"),
    [
        (timer(on_boot=(300.0,)), NOW, 1200.0),
        (timer(on_active=(20.0,)), NOW, 1010.0),
        (timer(on_boot=(300.0,), on_active=(20.0,)), NOW, 1010.0),
        (timer(on_calendar=(50_100.0,)), NOW, 1100.0),
        (timer(on_calendar=(49_000.0,)), NOW, None),
        (timer(on_unit_active=(60.0,)), NOW, None),
        (timer(on_unit_active=(60.0,)), replace(NOW, unit_active=980.0), 1040.0),
        (timer(on_unit_inactive=(60.0,)), replace(NOW, unit_inactive=999.0), 1059.0),
    ],
)
def test_next_elapse(unit, moments, expected):
    assert next_elapse(unit, moments) == expected


def test_missed_calendar_time_counts_only_for_a_persistent_timer():
    missed = replace(NOW, stamp=48_000.0)
    assert next_elapse(timer(on_calendar=(49_000.0,), persistent=True), missed) == pytest.approx(0.0)
    assert next_elapse(timer(on_calendar=(49_000.0,)), missed) is None
    assert next_elapse(timer(on_calendar=(47_000.0,), persistent=True), missed) is None


def test_elapsed_time_does_not_elapse_again():
    at = replace(NOW, wall=50_100.0, now=1100.0, elapsed=1100.0)
    assert next_elapse(timer(on_calendar=(50_100.0,)), at) is None
    assert next_elapse(timer(on_calendar=(50_100.0,)), replace(at, now=1100.02, wall=50_100.019)) is None
    assert next_elapse(timer(on_active=(20.0,)), replace(NOW, now=1010.0, elapsed=1010.0)) is None


def test_repeating_timer_goes_on_from_its_units_last_start():
    repeating = timer(on_boot=(10.0,), on_unit_active=(60.0,))
    ran = replace(NOW, now=911.0, unit_active=910.5, elapsed=910.0)
    assert next_elapse(repeating, ran) == 970.5

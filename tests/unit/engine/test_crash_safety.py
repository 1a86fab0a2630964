"""Whatever fails and wherever the engine is killed, the state stays sound and forgets nothing."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.crash_histories import run

SLOW = list(HealthCheck)
STEPS = 6
POINTS = [f"kills {when} a {what}" for when in ("before", "after") for what in ("call", "write")]


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=SLOW)
@given(st.randoms(use_true_random=False))
def test_nothing_is_forgotten_whatever_happens(rng: Random) -> None:
    run(rng, STEPS, Counter())


@pytest.mark.matrix
def test_nothing_is_forgotten_in_two_thousand_histories() -> None:
    met: Counter[str] = Counter()

    @settings(max_examples=2000, deadline=None, database=None, suppress_health_check=SLOW)
    @given(st.randoms(use_true_random=False))
    def histories(rng: Random) -> None:
        run(rng, STEPS, met)
        met["histories"] += 1

    histories()
    print(f"\ncrash histories: {dict(met)}")
    assert met["histories"] >= 2000
    for what in ("replaces", "failed calls", "kills", "protected resources"):
        assert met[what] >= met["steps"] * 0.05, what
    for point in POINTS:
        assert met[point] > 0, point


@pytest.mark.matrix
def test_nothing_is_forgotten_when_steps_run_beside_each_other() -> None:
    """With seeds, for what happens first is chance here, which Hypothesis does not like."""
    met: Counter[str] = Counter()
    for seed in range(300):
        run(Random(seed), STEPS, met, parallel=4)
    print(f"\ncrash histories, four steps at once: {dict(met)}")

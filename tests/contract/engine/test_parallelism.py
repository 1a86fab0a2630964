"""How many provider calls an engine makes beside each other."""

from __future__ import annotations

from support.engine.toy_provider import ToyProvider
from support.engine.toy_resources import Thing
from support.engine.toy_stack import ToyStack
from support.polling import until

NAMES = [f"t{number}" for number in range(6)]


def independent() -> None:
    for name in NAMES:
        Thing(name)


def test_one_call_at_a_time_without_parallelism(stack: ToyStack, provider: ToyProvider) -> None:
    """`tests/e2e/test_crash_matrix.py` numbers calls with ``RUNCTL_PARALLEL=1``. Their order is not that of
    the program: what does not depend on each other comes as it happens."""
    provider.create_seconds = 0.02
    stack.up(independent, "--parallel", "1")
    assert sorted(provider.called("create")) == NAMES
    assert provider.most_at_once == 1


def test_as_many_calls_as_asked(stack: ToyStack, provider: ToyProvider) -> None:
    """`runctl_auto/engine/job_stack.py` (``EngineOptions.parallel``)."""
    provider.hold = {("create", name) for name in NAMES}
    with stack.operation("up", independent, "--parallel", str(len(NAMES))) as operation:
        until(lambda: len(provider.called("create")) == len(NAMES))
        provider.released.set()
        assert operation.end().code == 0

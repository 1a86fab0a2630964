"""Chains of steps and what stops them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from unittest.mock import create_autospec

import pytest

from sandbox.engine.deploy.actions import Actions
from sandbox.engine.deploy.deployment import Deployment
from sandbox.engine.deploy.providers.api import ProviderError
from sandbox.engine.deploy.step_executor import StepExecutor
from sandbox.engine.deploy.steps.base import Step, StepFailed
from sandbox.engine.deploy.stopping import Stop
from sandbox.engine.model import Op, Resource


@dataclass
class Noted(Step):
    """A step that notes that it ran, and does something."""

    ran: list[str] = field(default_factory=list)
    does: Callable[[], None] = lambda: None

    @property
    def op(self) -> Op:
        return Op.DELETE

    def apply(self) -> None:
        self.ran.append(self.urn)
        self.does()


class Bench:
    def __init__(self, *, continue_on_error: bool = False, ignore_errors: bool = False) -> None:
        self.context = create_autospec(Deployment, instance=True)
        self.context.parallel, self.context.continue_on_error = 2, continue_on_error
        self.stop, self.cancelled = Stop(), Stop()
        self.cancelled.on_stop(self.stop.stop)
        self.ran: list[str] = []
        actions = create_autospec(Actions, instance=True)
        self.executor = StepExecutor(
            self.context, actions, self.stop, self.cancelled, ignore_errors=ignore_errors
        )

    def step(self, name: str, does: Callable[[], None] = lambda: None) -> Step:
        return Noted(self.context, Resource(name, "t:t:T"), None, self.ran, does)

    def run(self, *chains: list[Step]) -> list[str]:
        for chain in chains:
            self.executor.run(chain)
        self.executor.wait()
        return self.ran


def refuse() -> None:
    raise StepFailed(ProviderError("refused"))


def test_a_chain_runs_in_order() -> None:
    bench = Bench()
    assert bench.run([bench.step("a"), bench.step("b"), bench.step("c")]) == ["a", "b", "c"]
    assert bench.executor.error is None


def test_a_failed_step_ends_its_chain_and_everything_else() -> None:
    bench = Bench()
    assert bench.run([bench.step("a", refuse), bench.step("b")]) == ["a"]
    assert bench.stop.stopped
    assert bench.executor.run([bench.step("c")]) is None


def test_a_chain_that_has_begun_goes_on_when_something_else_fails() -> None:
    bench = Bench()
    assert bench.run([bench.step("a", bench.stop.stop), bench.step("b")]) == ["a", "b"]


def test_a_chain_stops_after_its_step_when_people_cancel() -> None:
    bench = Bench()
    assert bench.run([bench.step("a", bench.cancelled.stop), bench.step("b")]) == ["a"]


def test_going_on_after_errors_remembers_them() -> None:
    bench = Bench(continue_on_error=True)
    failing = bench.step("a", refuse)
    bench.executor.run([failing])
    bench.executor.run([bench.step("b")])
    bench.executor.wait()
    assert sorted(bench.ran) == ["a", "b"]
    assert bench.executor.errored() == [failing]
    assert not bench.stop.stopped


def test_ignored_errors_stop_nothing_but_are_known() -> None:
    bench = Bench(ignore_errors=True)
    assert sorted(bench.run([bench.step("a", refuse)], [bench.step("b")])) == ["a", "b"]
    assert isinstance(bench.executor.error, StepFailed)


@pytest.mark.parametrize("problem", [RuntimeError("disk full"), KeyError("x")])
def test_any_other_error_is_reported_and_ends_everything(problem: Exception) -> None:
    bench = Bench()

    def fail() -> None:
        raise problem

    bench.run([bench.step("a", fail)])
    bench.context.report.assert_called_once_with("a", str(problem))
    assert bench.stop.stopped

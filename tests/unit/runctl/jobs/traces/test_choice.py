"""A run keeps the trace that it was decided with."""

from __future__ import annotations

from support.job_stacks import RUN, stack_config

from runctl_auto.agent.tracing.spans import Recorder, SpanContext, recording
from runctl_auto.jobs.traces.choice import choose_trace

NOW = SpanContext("a" * 32, "b" * 16)
BEFORE = str(SpanContext("c" * 32, "d" * 16))


def test_a_new_run_belongs_to_the_command_that_decides_it() -> None:
    with recording(Recorder(NOW, lambda _: None)):
        assert choose_trace(None, RUN.id) == str(NOW)
        assert choose_trace(stack_config(trace=BEFORE), "another") == str(NOW)
    assert choose_trace(None, RUN.id) is None


def test_a_run_keeps_what_it_has_so_that_a_traced_command_changes_no_job_that_runs() -> None:
    with recording(Recorder(NOW, lambda _: None)):
        assert choose_trace(stack_config(trace=BEFORE), RUN.id) == BEFORE
        assert choose_trace(stack_config(), RUN.id) is None
    assert choose_trace(stack_config(trace=BEFORE), RUN.id) == BEFORE

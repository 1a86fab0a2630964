"""Sends on what the machines of a run have recorded, in the run's own trace."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.store.store import ChangeableStore
from runctl_auto.agent.tracing import spans
from runctl_auto.agent.tracing.trace_contract import TracedJson
from runctl_auto.errors import RunctlError
from runctl_auto.jobs.job import Job
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import StackConfig


def forward_spans(
    store: ChangeableStore, config: StackConfig, status: RunStatus | None, *, remember: bool = True
) -> int:
    """Takes what the run's machines stored since the last time into this command's trace; how many spans.

    Asks nobody unless both the run and this command are traced. With ``remember``, what was taken is marked
    in the bucket once it has arrived; two commands at once may both send it. Never raises for what it meets:
    a trace is no reason for a command to fail.
    """
    found, parent = spans.recorder(), spans.parse_traceparent(config.trace)
    if found is None or parent is None or status is None:
        return 0
    with suppress(RunctlError, AgentError, OSError):
        return _forwarded(found, parent, store, config.run.id, status, remember=remember)
    return 0


def forward_spans_of(job: Job, config: StackConfig, *, remember: bool = True) -> None:
    """As ``forward_spans``, with the status as it is now, which is asked for only where both are traced."""
    if spans.recorder() is None or config.trace is None:
        return
    with suppress(RunctlError):
        results = job.results
        forward_spans(results.objects(), config, results.status(config.run.id), remember=remember)


def _forwarded(
    found: spans.Recorder,
    parent: spans.SpanContext,
    store: ChangeableStore,
    run: str,
    status: RunStatus,
    *,
    remember: bool,
) -> int:
    from runctl_auto.observe.tracing.machine_spans import (
        machines_own_spans,
        new_parts,
        read_traced,
        write_traced,
    )

    machines = status.raw.get("machines") or []
    before = read_traced(store, run)
    after = TracedJson(parts=dict(before["parts"]), machines=list(before["machines"]))
    taken: list[spans.Span] = []
    for machine in machines:
        known = before["parts"].get(machine["id"], 0)
        new, after["parts"][machine["id"]] = new_parts(store, run, machine["id"], parent.trace, after=known)
        taken += new
    for identity, span in machines_own_spans(machines, parent, run, ended=status.ended):
        if identity not in after["machines"]:
            after["machines"].append(identity)
            taken.append(span)
    for each in taken:
        found.take(each)
    if remember and taken:
        found.when_delivered.append(partial(write_traced, store, run, after))
    return len(taken)

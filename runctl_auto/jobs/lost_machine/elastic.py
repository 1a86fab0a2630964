"""Several machines of which some go on while another cannot be had."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from runctl_auto.jobs.apply import clear_machines
from runctl_auto.jobs.job import Job
from runctl_auto.providers.compute import machines_by_node
from runctl_auto.stack.config import Placement, StackConfig
from runctl_auto.stack.state import StackState


def rest_goes_on(job: Job, config: StackConfig, state: StackState) -> bool:
    """Whether as many machines run as go on without the others, machine 0 among them, while one is missing.
    At most one request.
    """
    elastic, named = config.job.elastic, machines_by_node(state)
    if elastic is None or 0 not in named:
        return False
    running = job.provider.running(sorted(named.values()))
    alive = [node for node, machine in named.items() if machine in running]
    return 0 in alive and elastic.min <= len(alive) < config.job.nodes


def if_refused(
    job: Job, config: StackConfig, state: StackState, others: Callable[[], Iterator[Placement]]
) -> tuple[Callable[[], Iterator[Placement]], Callable[[], None]]:
    """Where else the machines may go when the place of ``config`` refuses one, and what is done before: they
    all go, and ``others`` are tried; while enough of them go on, they stay where they are.
    """
    if rest_goes_on(job, config, state):
        return lambda: iter(()), lambda: None
    return others, partial(clear_machines, job)

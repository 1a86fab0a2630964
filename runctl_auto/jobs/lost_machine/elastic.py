"""Several machines of which some go on while another cannot be had."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from runctl_auto.engine.job_stack import Changes
from runctl_auto.errors import NoCapacityError
from runctl_auto.jobs.apply import apply_in_first_place, clear_machines, settle_machine
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


def apply_beside_others(
    job: Job,
    config: StackConfig,
    state: StackState,
    others: Callable[[], Iterator[Placement]],
    *,
    refresh: bool,
    settle: Callable[[], None] | None = None,
) -> tuple[StackConfig, Changes]:
    """As ``apply_in_first_place``. When the place of ``config`` refuses a machine, all go, and ``others`` are
    tried; while enough of them go on, they stay where they are, and the ``NoCapacityError`` says so.
    """
    goes_on = rest_goes_on(job, config, state)
    try:
        return apply_in_first_place(
            job.stack,
            config,
            iter(()) if goes_on else others(),
            job.session.reporter,
            refresh=refresh,
            settle=settle or partial(settle_machine, job),
            clear=(lambda: None) if goes_on else partial(clear_machines, job),
            now=job.session.time.now,
        )
    except NoCapacityError as error:
        if not goes_on:
            raise
        raise _without_it(job.name, error) from error


def _without_it(job: str, error: NoCapacityError) -> NoCapacityError:
    return NoCapacityError(
        f"{error.what} The others go on without it.",
        trail=error.trail,
        code=error.code,
        where=error.where,
        next_step=f"`runctl watch {job}` asks for it again and again in this place, and so does `runctl up` "
        "while it follows the run.",
    )

"""Options that say who works on many jobs, the same for every command that has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from runctl_auto.cli.option_group import CommandT, option_group

if TYPE_CHECKING:
    from runctl_auto.cli.invocation import Invocation
    from runctl_auto.engine.executor.contract import Executor
    from runctl_auto.jobs.session import Session

parallel_option = click.option(
    "--parallel",
    type=click.IntRange(1, 64),
    default=4,
    show_default=True,
    metavar="N",
    help="How many jobs are worked on at once.",
)
_OPTIONS = (
    click.option(
        "--executor",
        type=click.Choice(["local", "dask"]),
        default="local",
        show_default=True,
        help="Who works on the jobs: this machine, or an existing Dask cluster.",
    ),
    click.option(
        "--scheduler",
        metavar="tcp://HOST:PORT",
        help="With --executor dask: the cluster. Its workers say how many engines each runs.",
    ),
)


@dataclass(frozen=True, kw_only=True)
class WorkerChoice:
    """The values of the options."""

    executor: str
    scheduler: str | None
    parallel: int = 1


def executor_options(*, parallel: bool = True) -> Callable[[CommandT], CommandT]:
    """Adds the options to a command, which gets a ``WorkerChoice``; without ``parallel`` for one that does
    little on this machine."""
    options = (parallel_option, *_OPTIONS) if parallel else _OPTIONS
    names = ("executor", "scheduler", *(("parallel",) if parallel else ()))
    return option_group("workers", options, WorkerChoice, names)


@contextmanager
def executor_for(
    invocation: Invocation, session: Session, choice: WorkerChoice
) -> Iterator[Executor[Session]]:
    """The executor that the options name, while the context is open.

    Raises ``click.UsageError`` for options that do not fit together, and as ``cluster.connect``.
    """
    scheduler = choice.scheduler
    if (choice.executor == "dask") != (scheduler is not None):
        raise click.UsageError("--executor dask and --scheduler belong together.")
    if scheduler is None:
        from runctl_auto.cli.local_workers import local_workers

        yield local_workers(session, invocation.console, choice.parallel)
        return
    from runctl_auto.cli.worker_place import WorkerPlace
    from runctl_auto.engine.executor.cluster import connect
    from runctl_auto.engine.executor.dask_pool import DaskPool
    from runctl_auto.errors import StackLockedError

    def is_refusal(result: Any) -> bool:
        error = getattr(result, "error", None)
        return getattr(error, "kind", None) == StackLockedError.kind

    place = WorkerPlace.of(session, invocation.options, verbose=invocation.console.verbose)
    cluster = connect(scheduler)
    try:
        yield DaskPool(cluster, place, is_refusal=is_refusal)
    finally:
        cluster.close()

"""An existing Dask cluster as the executor uses it, and the one adapter to ``distributed``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

from runctl_auto.errors import ExtraMissingError, UnreachableError
from runctl_auto.local.extras import installed_with, missing_modules

if TYPE_CHECKING:
    from distributed import Client

ENGINE_RESOURCE = "engine"
"""What a worker states how much of it has: so many engines it runs at once."""
_CONNECT_SECONDS = 20.0

State = Literal["ended", "failed", "lost", "works"]


class Task(Protocol):
    """A task that was handed to the cluster."""

    @property
    def key(self) -> str: ...

    def state(self) -> State:
        """``lost``: the cluster gave it up since its workers died, or forgot it."""

    def result(self) -> Any:
        """What it returned; of one that has ended."""

    def failure(self) -> BaseException:
        """What it raised; of one that has failed."""


class Cluster(Protocol):
    """Carries out tasks somewhere else."""

    def engines(self) -> int:
        """How many engines all workers may run at once, as they say themselves; 0 without such workers."""

    def submit(self, do: Callable[[Any], Any], item: Any, *, key: str) -> Task:
        """Hands over a task. It runs on a worker with a free engine, and once more elsewhere when that dies.
        ``key`` is used once."""

    def wait(self, tasks: Sequence[Task], seconds: float) -> None:
        """Blocks until one of the tasks does not work any more, ``seconds`` at most."""

    def forget(self, task: Task) -> None:
        """Lets the cluster drop a task that has ended, and what it returned."""

    def close(self) -> None: ...


def connect(scheduler: str) -> Cluster:
    """The cluster whose scheduler is at ``scheduler`` (``tcp://HOST:PORT``).

    Raises ``ExtraMissingError`` without the extra ``runctl[dask]``, ``UnreachableError`` when the scheduler
    does not answer.
    """
    missing = missing_modules(("distributed",))
    if missing:
        raise ExtraMissingError(
            "Work on a Dask cluster needs the extra runctl[dask].",
            where=missing,
            next_step=f"Install it with {installed_with('dask')}",
        )
    from distributed import Client

    try:
        client = Client(scheduler, timeout=_CONNECT_SECONDS, name="runctl")
    except (OSError, ValueError, TimeoutError) as error:
        raise UnreachableError(
            f"The Dask scheduler {scheduler} does not answer: {error}",
            where={"scheduler": scheduler},
            next_step="Check the address, and that `dask scheduler` runs there.",
        ) from error
    return DaskCluster(client)


class DaskCluster:
    """``Cluster`` over a client of ``distributed``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def engines(self) -> int:
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        return int(sum(each.get("resources", {}).get(ENGINE_RESOURCE, 0) for each in workers))

    def submit(self, do: Callable[[Any], Any], item: Any, *, key: str) -> Task:
        future = self._client.submit(do, item, key=key, pure=False, resources={ENGINE_RESOURCE: 1}, retries=0)
        return _DaskTask(future)

    def wait(self, tasks: Sequence[Task], seconds: float) -> None:
        from distributed import CancelledError, wait
        from distributed import TimeoutError as StillWorking

        futures = [each.future for each in tasks if isinstance(each, _DaskTask)]
        try:
            wait(futures, timeout=seconds, return_when="FIRST_COMPLETED")
        except (StillWorking, CancelledError):  # the states of the tasks tell which
            return

    def forget(self, task: Task) -> None:
        if isinstance(task, _DaskTask):
            task.future.release()

    def close(self) -> None:
        self._client.close()


class _DaskTask:
    def __init__(self, future: Any) -> None:
        self.future = future

    @property
    def key(self) -> str:
        return str(self.future.key)

    def state(self) -> State:
        status = self.future.status
        if status == "finished":
            return "ended"
        if status in ("cancelled", "lost"):
            return "lost"
        if status == "error":
            return "lost" if _is_killed(self.failure()) else "failed"
        return "works"

    def result(self) -> Any:
        return self.future.result()

    def failure(self) -> BaseException:
        found = self.future.exception()
        assert isinstance(found, BaseException)  # noqa: S101 - of a task in error
        return found


def _is_killed(error: BaseException) -> bool:
    """Whether the scheduler gave a task up since one worker after the other died with it."""
    from distributed.scheduler import KilledWorker

    return isinstance(error, KilledWorker)

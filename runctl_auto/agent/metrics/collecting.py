"""Collects the run's metrics beside the job, and stores them when they have changed.

Nothing of it ends a run or keeps it waiting: what cannot be read is left out, what cannot be stored is stored
the next time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from runctl_auto.agent.contract import MOST_METRICS_BYTES
from runctl_auto.agent.errors import AgentError, IntegrityError
from runctl_auto.agent.job.redaction import HiddenValues
from runctl_auto.agent.keys import metrics_key
from runctl_auto.agent.metrics.book import MetricsBook
from runctl_auto.agent.metrics.machine_use import MachineUse
from runctl_auto.agent.metrics.training_sources import TrainingPlaces, TrainingSources
from runctl_auto.agent.pace import Pace
from runctl_auto.agent.status_format import MetricsSummaryJson
from runctl_auto.agent.store.store import Store
from runctl_auto.agent.untrusted import UnreadableError

METRICS_PACE = Pace(first=5.0, later=60.0)
"""How often metrics are read, and their summary in the status is renewed."""
KEEP_PACE = Pace(first=5.0, later=180.0)
"""How often they are stored as a whole, at most."""


class Pushes(Protocol):
    """Sends metrics to where the settings say; ``Push`` describes it."""

    def __call__(self, values: dict[str, tuple[float, float]], machine: MachineUse) -> None: ...


class Metrics:
    """The metrics of one run on this machine.

    ``note`` puts the summary into the status. ``began`` is the start of the run, in seconds since the epoch.
    ``push`` makes what sends metrics elsewhere, of the job's variables; None where they name no place.
    """

    def __init__(
        self,
        store: Store,
        run: str,
        *,
        node: int = 0,
        began: float,
        look: Callable[[], MachineUse],
        note: Callable[[MetricsSummaryJson], None],
        say: Callable[[str], None],
        clock: Callable[[], float],
        push: Callable[[Mapping[str, str]], Pushes | None] = lambda variables: None,  # noqa: ARG005
    ) -> None:
        self._store = store
        self._key = metrics_key(run, node)
        self._book = MetricsBook(run, node, began)
        self._look = look
        self._note = note
        self._say = say
        self._clock = clock
        self._push_of = push
        self._push: Pushes | None = None
        self._lock = threading.Lock()
        self._sources: TrainingSources | None = None
        self._is_continued = False
        self._started = clock()
        self._kept_at: float | None = None

    def read_training(
        self,
        places: TrainingPlaces,
        hidden: HiddenValues,
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """From now on, reads what the training tells. The job's ``variables`` may name where it is pushed."""
        with self._lock:
            self._push = self._push_of(variables)
            self._sources = TrainingSources(places, hidden.text)

    def begin(self) -> None:
        """The training starts, or starts again."""
        with self._lock:
            if self._sources is not None:
                if self._is_continued:
                    self._read(self._sources)
                self._sources.begin()
            self._book.begin()

    def look(self) -> None:
        """Reads all sources, and stores what has changed at ``KEEP_PACE``. Raises what the store raises;
        nothing is lost then.
        """
        with self._lock:
            self._continue()
            use = self._look()
            self._book.add_machine(use)
            if self._sources is not None:
                self._read(self._sources)
            self._note(self._book.summary())
            if self._is_due():
                self._keep(self._store)
        if self._push is not None:
            self._push(self._book.values(), use)

    def finish(self, store: Store) -> None:
        """The same for the last time, through ``store``."""
        with self._lock:
            self._continue()
            if self._sources is not None:
                self._read(self._sources, final=True)
            self._note(self._book.summary())
            self._keep(store)

    def _read(self, sources: TrainingSources, *, final: bool = False) -> None:
        for source, record in sources.records(final=final):
            self._book.add(source, record, self._clock())

    def _is_due(self) -> bool:
        now = self._clock()
        if self._kept_at is None or now < self._kept_at:
            return True
        # A look is never exactly on time.
        return now - self._kept_at >= 0.9 * KEEP_PACE.seconds(now - self._started)

    def _keep(self, store: Store) -> None:
        if not self._book.changed:
            return
        content = self._book.document(self._clock())
        try:
            store.put(self._key, content, content_type="application/json")
        except AgentError:
            self._book.changed = True
            raise
        self._kept_at = self._clock()

    def _continue(self) -> None:
        """Takes over, once, what the run's earlier machines stored."""
        if self._is_continued:
            return
        try:
            content = self._store.find(self._key, MOST_METRICS_BYTES)
            if content is not None:
                self._book.continue_from(content)
        except (IntegrityError, UnreadableError) as error:
            self._say(f"the metrics of the run so far cannot be read, and begin anew: {error}")
        self._is_continued = True

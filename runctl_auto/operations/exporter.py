"""``exporter``: metrics of all jobs of the backend and of this machine, for Prometheus. Reads only."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from runctl_auto.errors import RunctlError, UsageError
from runctl_auto.jobs.gauges import families
from runctl_auto.jobs.local.everywhere import list_everywhere
from runctl_auto.jobs.session import Session
from runctl_auto.observe.metrics.exposition import Family, Histogram, Sample, exposition
from runctl_auto.operations.leaks import LeaksOptions, LeaksResult, find_leaks
from runctl_auto.providers.call_times import observed_calls

FILE = "runctl.prom"
PATIENCE_SECONDS = 0.5
CALLS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


def _in_a_thread(look: Callable[[], None]) -> None:
    threading.Thread(target=look, name="look", daemon=True).start()


@dataclass
class Exporter:
    """Looks at all jobs, at most every ``every`` seconds, and at leaks every ``leaks_every``, if given.

    ``text`` may be called from any thread. One look goes on at a time, in a thread that ``start`` begins; who
    asks waits ``patience`` seconds for it, then gets what the look before told.
    """

    session: Session
    every: float = 15.0
    leaks_every: float | None = None
    search: Callable[[Session, LeaksOptions], LeaksResult] = find_leaks
    patience: float = PATIENCE_SECONDS
    start: Callable[[Callable[[], None]], None] = _in_a_thread
    _text: str | None = None
    _looked_at: float = 0.0
    _leaks: LeaksResult | None = None
    _searched_at: float | None = None
    _failures: int = 0
    _state: threading.Lock = field(default_factory=threading.Lock)
    _done: threading.Event | None = None
    _calls: Histogram = field(
        default_factory=lambda: Histogram(
            "runctl_cloud_api_calls_seconds", "Seconds of the exporter's own calls to the cloud.", CALLS
        )
    )

    def text(self) -> str:
        """The metrics. The first call blocks until a look is done."""
        done = self._looking()
        if done is not None:
            done.wait(None if self._text is None else self.patience)
        return self._text or ""

    def _looking(self) -> threading.Event | None:
        """What is set when the look is done that goes on, or is begun now; None if none is needed."""
        with self._state:
            if self._is_fresh():
                return None
            if self._done is not None:
                return self._done
            done = self._done = threading.Event()
        self.start(self._look_once)
        return done

    def _look_once(self) -> None:
        done = self._done
        try:
            self._text = self._look()
        except Exception as error:  # the next look may work
            self.session.reporter.say(f"a look at the jobs failed: {type(error).__name__}: {error}")
            self._failures += 1
        finally:
            with self._state:
                self._looked_at, self._done = self.session.time.monotonic(), None
            if done is not None:
                done.set()

    def _is_fresh(self) -> bool:
        return self._text is not None and self.session.time.monotonic() - self._looked_at < self.every

    def _look(self) -> str:
        began = self.session.time.monotonic()
        found: list[Family] = []
        with observed_calls(lambda service, seconds: self._calls.add(seconds, service=service)):
            try:
                found += families(list_everywhere(self.session))
                worked = True
            except RunctlError as error:
                self.session.reporter.say(f"the jobs could not be read: {error.what}")
                self._failures += 1
                worked = False
            self._search()
        seconds = self.session.time.monotonic() - began
        return exposition([*found, *self._leak_families(), self._calls.family(), *self._own(worked, seconds)])

    def _search(self) -> None:
        if self.leaks_every is None:
            return
        now = self.session.time.monotonic()
        if self._searched_at is not None and now - self._searched_at < self.leaks_every:
            return
        self._searched_at = now
        try:
            self._leaks = self.search(self.session, LeaksOptions())
        except RunctlError as error:
            self.session.reporter.say(f"leaks could not be searched for: {error.what}")
            self._failures += 1

    def _leak_families(self) -> list[Family]:
        found = self._leaks
        if found is None:
            return []
        comparisons = [each.comparison for each in found.findings]
        counted = {
            "orphan": sum(len(each.orphans) for each in comparisons),
            "overdue": sum(len(each.overdue) for each in comparisons),
            "gone": sum(len(each.gone) for each in comparisons),
        }
        return [
            Family(
                "runctl_leaks_found",
                "gauge",
                "Resources of runctl's that no stack manages, machines beyond their limits, and resources "
                "that a state has and the cloud has not.",
                [Sample(count, {"kind": kind}) for kind, count in counted.items()],
            ),
            Family(
                "runctl_leaks_checked_timestamp_seconds",
                "gauge",
                "When leaks were last searched for.",
                [Sample(found.at.timestamp())],
            ),
        ]

    def _own(self, worked: bool, seconds: float) -> list[Family]:
        now = self.session.time.now().timestamp()
        return [
            Family("runctl_look_success", "gauge", "1 if the jobs could be read.", [Sample(float(worked))]),
            Family("runctl_look_failures_total", "counter", "Looks that failed.", [Sample(self._failures)]),
            Family("runctl_look_seconds", "gauge", "How long the last look took.", [Sample(seconds)]),
            Family("runctl_look_timestamp_seconds", "gauge", "When it was.", [Sample(now)]),
        ]


def write_textfile(exporter: Exporter, folder: Path) -> Path:
    """Writes the metrics to ``runctl.prom`` in the folder of the node exporter's collector, atomically; the
    file. Raises ``UsageError`` when it cannot be written.
    """
    text, target = exporter.text(), folder / FILE
    if not text:
        raise RunctlError("The jobs could not be looked at.", next_step="The message above says why.")
    try:
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=f".{FILE}.")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except OSError as error:
        raise UsageError(
            f"{target} could not be written: {error.strerror or error}",
            where={"folder": str(folder)},
            next_step="Name the folder of --collector.textfile.directory; it must exist.",
        ) from error
    return target

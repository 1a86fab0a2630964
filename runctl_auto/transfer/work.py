"""What all transfers of a tree share: threads, progress, failures, and facts asked for at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from runctl_auto.errors import TransferIncompleteError, UsageError
from runctl_auto.providers.objects import ObjectData, ObjectFacts
from runctl_auto.transfer.entries import RemoteEntry
from runctl_auto.transfer.meter import Meter
from runctl_auto.transfer.options import Options
from runctl_auto.transfer.workers import Failure, Failures, Workers

_SHOWN = 20


@dataclass
class Work:
    workers: Workers
    meter: Meter
    failures: Failures = field(default_factory=Failures)

    def refuse_failures(self, what: str, count: int, address: str) -> None:
        if self.failures.found:
            raise incomplete(what, self.failures.found, count, address)


@contextmanager
def working(options: Options) -> Iterator[Work]:
    """Workers and progress while the context is open; an error stops them after the request they are in."""
    work = Work(Workers(options.at_once, options.part_bytes), Meter())
    ended = threading.Event()

    def tell() -> None:
        while not ended.wait(options.report_seconds):
            if options.report is not None:
                options.report(work.meter.progress())

    teller = threading.Thread(target=tell, daemon=True, name="transfer-progress")
    if options.report is not None and not options.dry_run:
        teller.start()
    try:
        yield work
        if options.report is not None and not options.dry_run:
            options.report(work.meter.progress())
    finally:
        work.workers.stop()
        ended.set()
        if teller.ident is not None:
            teller.join()


def facts_of_all(
    data: ObjectData, entries: Sequence[RemoteEntry], options: Options
) -> Mapping[str, ObjectFacts | None]:
    if not entries:
        return {}
    keys = [each.key for each in entries]
    with ThreadPoolExecutor(min(options.at_once, len(keys))) as pool:
        return dict(zip(keys, pool.map(data.facts, keys), strict=True))


def incomplete(what: str, failures: Sequence[Failure], count: int, address: str) -> TransferIncompleteError:
    shown = "".join(f"\n  {each.path}: {each.why}" for each in failures[:_SHOWN])
    more = f"\n  and {len(failures) - _SHOWN} more" if len(failures) > _SHOWN else ""
    return TransferIncompleteError(
        f"{len(failures)} of {count} files were not {what}:{shown}{more}",
        failures=[vars(each) for each in failures],
        where={"bucket": address},
        next_step="Repeat the command; it moves only what is missing.",
    )


def refuse_empty(source: Mapping[str, object], what: str) -> None:
    if not source:
        raise UsageError(
            f"The source is an empty {what}: with --delete, everything at the target would be deleted.",
            next_step="Check the source, or delete the target itself.",
        )

"""The bills of all jobs, volumes and snapshots: of those in the backend, and of those that are gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from runctl_auto.agent.contract import Phase
from runctl_auto.cost.ledger import Bill, merged
from runctl_auto.cost.storage import storage_charge
from runctl_auto.jobs.bills.archive import BillArchive
from runctl_auto.jobs.bills.last import bill_of
from runctl_auto.jobs.listing import ListedJob, list_jobs
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.storage.bill import bill_of_storage
from runctl_auto.jobs.storage.listing import list_storage
from runctl_auto.stack.config import StackConfig


def all_bills(
    session: Session, jobs: frozenset[str] = frozenset(), listed: Sequence[ListedJob] | None = None
) -> tuple[Bill, ...]:
    """The bills of ``jobs``, which names stacks of any kind, or of all without any. Blocks.

    ``listed`` are those jobs, where they have just been read.
    """
    archived = [each for each in BillArchive(session).bills() if not jobs or each.job in jobs]
    return merged((*archived, *_live(session, jobs, listed)))


def _live(session: Session, jobs: frozenset[str], listed: Sequence[ListedJob] | None) -> Iterator[Bill]:
    def wanted(config: StackConfig | None) -> bool:
        return not jobs or (config is not None and config.job.name in jobs)

    for each in list_jobs(session, wanted) if listed is None else listed:
        if each.facts is not None:
            spent = each.facts.cost
            bill = bill_of(each.facts.config, spent.charges, unread=spent.unread)
            yield replace(bill, stopped=each.phase == Phase.STOPPED)
    now = session.time.now()
    for stored in list_storage(session):
        if (not jobs or stored.stack in jobs) and stored.config is not None and stored.resource is not None:
            yield bill_of_storage(stored.config, storage_charge(stored.config, stored.resource, now))

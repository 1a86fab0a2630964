"""The bills of all jobs, volumes and snapshots: of those in the backend, and of those that are gone."""

from __future__ import annotations

from collections.abc import Iterator

from runctl_auto.cost.ledger import Bill, merged
from runctl_auto.cost.storage import storage_charge
from runctl_auto.jobs.bill_archive import BillArchive
from runctl_auto.jobs.last_bill import bill_of
from runctl_auto.jobs.listing import list_jobs
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.storage_bill import bill_of_storage
from runctl_auto.jobs.storage_listing import list_storage
from runctl_auto.stack.config import StackConfig


def all_bills(session: Session, jobs: frozenset[str] = frozenset()) -> tuple[Bill, ...]:
    """The bills of ``jobs``, which names stacks of any kind, or of all without any. Blocks."""
    archived = [each for each in BillArchive(session).bills() if not jobs or each.job in jobs]
    return merged((*archived, *_live(session, jobs)))


def _live(session: Session, jobs: frozenset[str]) -> Iterator[Bill]:
    def wanted(config: StackConfig | None) -> bool:
        return not jobs or (config is not None and config.job.name in jobs)

    for each in list_jobs(session, wanted):
        if each.facts is not None:
            spent = each.facts.cost
            yield bill_of(each.facts.config, spent.charges, unread=spent.unread)
    now = session.time.now()
    for stored in list_storage(session):
        if (not jobs or stored.stack in jobs) and stored.config is not None and stored.resource is not None:
            yield bill_of_storage(stored.config, storage_charge(stored.config, stored.resource, now))

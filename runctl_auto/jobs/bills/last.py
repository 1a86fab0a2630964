"""The last bill of a job: kept before its bucket, which holds the statuses of its runs, is deleted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from runctl_auto.cost.charges import Charge, HeldVolume, JobRecords, charges, held_volumes
from runctl_auto.cost.ledger import Bill
from runctl_auto.errors import RunctlError
from runctl_auto.jobs.bills.archive import BillArchive
from runctl_auto.jobs.job import Job
from runctl_auto.local.project import PROJECT_NAME
from runctl_auto.providers.contract import RunKey
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.state import StackState


@dataclass(frozen=True, kw_only=True)
class LastBill:
    """What is known of a job's costs just before its teardown. Nothing of it stops the teardown."""

    job: Job
    records: JobRecords
    life: str

    @classmethod
    def before_teardown(cls, job: Job, config: StackConfig, state: StackState) -> LastBill:
        """Reads the statuses of all runs, and keeps the bill as it is so far."""
        statuses, unread = _statuses(job, config)
        named = state.machine()
        begun = state.begun_at
        bill = cls(
            job=job,
            records=JobRecords(
                config=config,
                now=job.session.time.now(),
                status=statuses.pop(config.run.id, None),
                earlier=tuple(statuses.values()),
                volumes=held_volumes(state),
                machine=named.id if named and named.id else None,
                unread=unread,
            ),
            life=config.run.id if begun is None else f"{begun:%Y%m%dT%H%M%SZ}",
        )
        bill._keep(bill.records)
        return bill

    def after_teardown(self, deleted: Collection[str]) -> None:
        """Keeps the bill with the ends of the machines and of the volumes ``deleted``."""
        now = self.job.session.time.now()
        records = replace(self.records, now=now)
        volumes = tuple(_ended(each, deleted, records) for each in records.volumes)
        self._keep(replace(records, volumes=volumes))

    def _keep(self, records: JobRecords) -> None:
        session, config = self.job.session, records.config
        try:
            records = replace(records, machines=self.job.machines(_machines(records)))
        except RunctlError as error:
            session.reporter.say(f"when the machines ended is not known: {error.what}")
        bill = bill_of(config, tuple(charges(records)), unread=records.has_gaps)
        if bill.charges:
            BillArchive(session).keep(replace(bill, gone=True), self.life)


def bill_of(config: StackConfig, found: tuple[Charge, ...], *, unread: bool = False) -> Bill:
    """The bill of a job with these charges."""
    return Bill(
        job=config.job.name,
        project=PROJECT_NAME,
        owner=config.owner,
        provider=config.placement.provider,
        account=config.placement.account,
        region=config.placement.region,
        tags=dict(config.job.tags),
        charges=found,
        unread=unread,
    )


def _statuses(job: Job, config: StackConfig) -> tuple[dict[str, RunStatus], bool]:
    """By run, and whether one is missing: it cannot be read, or an earlier run wrote none, and its machine is
    no longer known. A bucket that holds none at all is one that an earlier teardown has deleted.
    """
    try:
        runs = dict.fromkeys((*config.run.earlier, *job.results.runs(), config.run.id))
        keys = [RunKey(job.name, config.placement.account, run) for run in runs]
        found = dict(zip(runs, job.provider.statuses(keys), strict=True))
    except RunctlError:
        return {}, True
    known = {run: each for run, each in found.items() if isinstance(each, RunStatus)}
    silent = known and any(found[run] is None for run in config.run.earlier)
    return known, bool(silent) or any(isinstance(each, RunctlError) for each in found.values())


def _machines(records: JobRecords) -> list[str]:
    """The machines that may still have run when the teardown began, and those that vanished."""
    statuses = filter(None, (*records.earlier, records.status))
    open_ended = {each.id for status in statuses for each in status.machines if each.ended_at is None}
    return sorted({*open_ended, *((records.machine,) if records.machine else ())})


def _ended(volume: HeldVolume, deleted: Collection[str], records: JobRecords) -> HeldVolume:
    return replace(volume, until=records.now) if volume.id in deleted else volume

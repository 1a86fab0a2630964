"""What a volume or snapshot has cost, kept when its stack is removed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from runctl_auto.cost.charges import Charge
from runctl_auto.cost.ledger import Bill
from runctl_auto.cost.storage import storage_charge
from runctl_auto.jobs.bills.archive import BillArchive
from runctl_auto.jobs.storage.stack import StorageStack, stored
from runctl_auto.local.project import PROJECT_NAME
from runctl_auto.stack.state import StackState
from runctl_auto.stack.storage_config import StorageConfig


@dataclass(frozen=True, kw_only=True)
class StorageBill:
    """What is known of the costs just before the removal."""

    storage: StorageStack
    config: StorageConfig
    charge: Charge

    @classmethod
    def before_removal(
        cls, storage: StorageStack, config: StorageConfig, state: StackState
    ) -> StorageBill | None:
        """Keeps the bill as it is so far; None when nothing was made."""
        found = stored(state, storage.kind)
        if found is None:
            return None
        bill = cls(
            storage=storage,
            config=config,
            charge=storage_charge(config, found, storage.session.time.now()),
        )
        bill._keep(bill.charge)
        return bill

    def after_removal(self, deleted: Collection[str]) -> None:
        """Keeps the bill with its end, if it was ``deleted``."""
        if self.charge.resource in deleted:
            now = self.storage.session.time.now()
            self._keep(replace(self.charge, ended=now, goes_on=False))

    def _keep(self, charge: Charge) -> None:
        bill = bill_of_storage(self.config, charge)
        BillArchive(self.storage.session).keep(replace(bill, gone=True), charge.resource)


def bill_of_storage(config: StorageConfig, charge: Charge) -> Bill:
    """The bill of a volume or snapshot: it has one charge, and is named as its stack."""
    return Bill(
        job=config.stack,
        project=PROJECT_NAME,
        owner=config.owner,
        provider="aws",
        account=config.account,
        region=config.region,
        tags=dict(config.tags),
        charges=(charge,),
    )

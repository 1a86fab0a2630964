"""Lines of the ledger with the columns of FOCUS 1.0, the FinOps cost and usage specification."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from runctl_auto.cost.bill_json import rfc3339
from runctl_auto.cost.charges import Charge, Kind
from runctl_auto.cost.ledger import Bill, Line, Period, by_day, lines
from runctl_auto.stack.place_text import TITLES

_SERVICES: dict[Kind, tuple[str, str, str]] = {
    "machine": ("Compute", "Amazon Elastic Compute Cloud", "Hours"),
    "disk": ("Storage", "Amazon Elastic Block Store", "GB-Hours"),
    "address": ("Networking", "Amazon Virtual Private Cloud", "Hours"),
    "volume": ("Storage", "Amazon Elastic Block Store", "GB-Hours"),
}
_SERVICE_OF_RUNPOD = {"machine": "Pods", "disk": "Pods", "volume": "Network volumes"}


def focus_rows(bills: Sequence[Bill], period: Period) -> Iterator[dict[str, str]]:
    """A row for each charge and day in UTC. Costs without a known price are empty; ``x_AtLeast`` tells that a
    charge is more than its row says. Columns that begin with ``x_`` are not of FOCUS.
    """
    for line in lines(bills, period):
        for each in by_day(line):
            yield _row(each)


def _row(line: Line) -> dict[str, str]:
    bill, charge = line.bill, line.charge
    category, service, unit = _SERVICES[charge.kind]
    provider = bill.provider
    if provider in TITLES:
        provider = TITLES[charge.provider]
        service = _SERVICE_OF_RUNPOD.get(charge.kind, service) if charge.provider == "runpod" else service
    usd, price = _usd(charge), "" if charge.price_hour is None else f"{charge.price_hour:.10f}"
    quantity = f"{charge.hours * charge.quantity:.6f}"
    month = charge.began.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return {
        "BilledCost": usd,
        "EffectiveCost": usd,
        "ListCost": usd,
        "ContractedCost": usd,
        "BillingCurrency": "USD",
        "BillingAccountId": bill.account,
        "SubAccountId": bill.account,
        "BillingPeriodStart": rfc3339(month),
        "BillingPeriodEnd": rfc3339(_next_month(month)),
        "ChargePeriodStart": rfc3339(charge.began),
        "ChargePeriodEnd": rfc3339(charge.ended),
        "ChargeCategory": "Usage",
        "ChargeFrequency": "Usage-Based",
        "ChargeDescription": f"{charge.kind} {charge.what} of job {bill.job}",
        "ConsumedQuantity": quantity,
        "ConsumedUnit": unit,
        "PricingQuantity": quantity,
        "PricingUnit": unit,
        "PricingCategory": "Dynamic" if charge.what.endswith(" spot") else "Standard",
        "ListUnitPrice": price,
        "ContractedUnitPrice": price,
        "ProviderName": provider,
        "PublisherName": provider,
        "InvoiceIssuerName": provider,
        "RegionId": bill.region,
        "ResourceId": charge.resource,
        "ResourceType": charge.what,
        "ServiceCategory": category,
        "ServiceName": service,
        "Tags": json.dumps(dict(sorted(bill.tags.items())), ensure_ascii=False),
        "x_Job": bill.job,
        "x_Owner": bill.owner,
        "x_Run": charge.run or "",
        **_used(charge),
        "x_AtLeast": "false" if charge.usd.complete else "true",
    }


def _used(charge: Charge) -> dict[str, str]:
    """What a machine has, and what its agent sent to object storage; empty where that is not known."""
    use, hours = charge.use, charge.hours
    shown = {} if use is None else vars(use)

    def times(name: str) -> str:
        amount = shown.get(name)
        return "" if amount is None else f"{amount * hours:.6f}"

    return {
        "x_VCpuHours": times("cpus"),
        "x_MemoryGBHours": times("memory_gb"),
        "x_Requests": times("requests_hour"),
        "x_SentBytes": times("bytes_hour"),
    }


def _usd(charge: Charge) -> str:
    return "" if charge.price_hour is None else f"{charge.usd.usd:.10f}"


def _next_month(month: datetime) -> datetime:
    return (month + timedelta(days=32)).replace(day=1)

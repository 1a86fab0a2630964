"""A bill as JSON: the form in which the bill of a job outlives it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from runctl_auto.cost.charges import KINDS, Charge, MachineUse
from runctl_auto.cost.ledger import Bill
from runctl_auto.run.machines import moment

FORMAT = 1
_TEXTS = ("job", "project", "owner", "provider", "account", "region")


def bill_to_json(bill: Bill) -> dict[str, Any]:
    """The bill of a job that is gone."""
    return {
        "format": FORMAT,
        **{name: getattr(bill, name) for name in _TEXTS},
        "tags": dict(bill.tags),
        "unread": bill.unread,
        "charges": [charge_to_json(each) for each in bill.charges],
    }


def charge_to_json(charge: Charge) -> dict[str, Any]:
    """All fields; times are RFC 3339 in UTC."""
    return {**asdict(charge), "began": rfc3339(charge.began), "ended": rfc3339(charge.ended)}


def bill_from_json(data: Any) -> Bill:
    """The output of ``bill_to_json``. Raises KeyError, TypeError or ValueError for anything else."""
    if data["format"] != FORMAT:
        raise ValueError(f"a bill of format {data['format']!r} is not known")
    texts: dict[str, Any] = {name: str(data[name]) for name in _TEXTS}
    return Bill(
        **texts,
        tags={str(key): str(value) for key, value in data["tags"].items()},
        charges=tuple(_charge(each) for each in data["charges"]),
        gone=True,
        unread=bool(data["unread"]),
    )


def _charge(data: Any) -> Charge:
    if data["kind"] not in KINDS:
        raise ValueError(f"no kind of charge: {data['kind']!r}")
    price = data["price_hour"]
    return Charge(
        kind=data["kind"],
        resource=str(data["resource"]),
        what=str(data["what"]),
        run=None if data["run"] is None else str(data["run"]),
        began=moment(data["began"]),
        ended=moment(data["ended"]),
        quantity=float(data["quantity"]),
        price_hour=None if price is None else float(price),
        goes_on=bool(data["goes_on"]),
        is_exact=bool(data["is_exact"]),
        use=_use(data.get("use")),
    )


def _use(data: Any) -> MachineUse | None:
    """None in bills of earlier versions."""
    if data is None:
        return None
    cpus = data["cpus"]
    return MachineUse(
        cpus=None if cpus is None else int(cpus),
        **{
            name: None if data[name] is None else float(data[name])
            for name in ("memory_gb", "requests_hour", "bytes_hour")
        },
    )


def rfc3339(at: datetime) -> str:
    """A time in UTC as text."""
    return at.isoformat().replace("+00:00", "Z")

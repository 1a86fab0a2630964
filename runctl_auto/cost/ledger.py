"""The ledger: what jobs cost in a period, by job, provider, type, project, owner, day or tag.

Nothing is booked: the charges of a job come from the statuses of its runs and its stack's state, and those of
a job that is gone from the archive that its teardown wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone

from runctl_auto.cost.amount import Amount, total
from runctl_auto.cost.charges import Charge
from runctl_auto.cost.quantities import Quantities, quantities
from runctl_auto.stack.place_text import TITLES

DAY = timedelta(days=1)
BEGINNING = datetime(1970, 1, 1, tzinfo=timezone.utc)
TAG = "tag:"
UNTAGGED = "(none)"


@dataclass(frozen=True, kw_only=True)
class Bill:
    """The charges of one job, and what they are grouped by. ``gone``: its stack is removed. ``unread``: not
    all could be read. ``stopped``: it costs storage only, until it is resumed.
    """

    job: str
    project: str
    owner: str
    provider: str
    account: str
    region: str
    tags: Mapping[str, str] = field(default_factory=dict)
    charges: tuple[Charge, ...] = ()
    gone: bool = False
    unread: bool = False
    stopped: bool = False


@dataclass(frozen=True, kw_only=True)
class Period:
    """From ``since`` until before ``until``, both in UTC."""

    since: datetime = BEGINNING
    until: datetime


@dataclass(frozen=True, kw_only=True)
class Line:
    """A charge of a job, as far as it lies in a period."""

    bill: Bill
    charge: Charge


@dataclass(frozen=True, kw_only=True)
class Group:
    """All lines of one key."""

    key: str
    lines: tuple[Line, ...]
    unread: bool = False

    @property
    def usd(self) -> Amount:
        return total((Amount(complete=not self.unread), *(each.charge.usd for each in self.lines)))

    @property
    def quantities(self) -> Quantities:
        """What was used for it."""
        return quantities((each.charge for each in self.lines), unread=self.unread)


_OF_BILL: Mapping[str, Callable[[Bill], str]] = {
    "job": lambda bill: bill.job,
    "provider": lambda bill: bill.provider,
    "project": lambda bill: bill.project,
    "owner": lambda bill: bill.owner,
}
_OF_CHARGE: Mapping[str, Callable[[Charge], str]] = {
    "type": lambda charge: charge.what,
    "day": lambda charge: charge.began.date().isoformat(),
}
GROUPINGS = (*_OF_BILL, *_OF_CHARGE, f"{TAG}KEY")


def is_grouping(text: str) -> bool:
    """Whether it is one of ``GROUPINGS``, with any tag."""
    return text in _OF_BILL or text in _OF_CHARGE or (text.startswith(TAG) and text != TAG)


def merged(bills: Iterable[Bill]) -> tuple[Bill, ...]:
    """One bill for each life of a job, in the order of the first. What is billed twice, by an archive and by
    the stack that is still there, counts once: as it was known last.
    """
    found: dict[tuple[str, str, str], Bill] = {}
    for each in bills:
        key = (each.job, each.account, each.region)
        before = found.get(key)
        found[key] = each if before is None else _merged(before, each)
    return tuple(found.values())


def _merged(first: Bill, second: Bill) -> Bill:
    newer = first if second.gone and not first.gone else second
    known: dict[tuple[str, str, str], Charge] = {}
    for each in (*first.charges, *second.charges):
        key = (each.kind, each.resource, each.what)
        before = known.get(key)
        known[key] = each if before is None else _better(before, each)
    return replace(newer, charges=tuple(known.values()), unread=first.unread and second.unread)


def _better(first: Charge, second: Charge) -> Charge:
    """Of two accounts of the same thing: the one that knows its end, else the later one."""
    if first.is_exact != second.is_exact:
        return first if first.is_exact else second
    if first.goes_on != second.goes_on:
        return second if first.goes_on else first
    return max(first, second, key=lambda each: each.ended)


def lines(bills: Sequence[Bill], period: Period) -> Iterator[Line]:
    """The charges in the period, each cut to it."""
    for bill in bills:
        for charge in bill.charges:
            cut = _within(charge, period.since, period.until)
            if cut is not None:
                yield Line(bill=bill, charge=cut)


def grouped(bills: Sequence[Bill], by: str, period: Period) -> tuple[Group, ...]:
    """The lines in the period by one of ``GROUPINGS``: days in order, others the dearest first.

    A job of which something is unread has its groups, even without any line. Raises ValueError for another
    grouping.
    """
    if not is_grouping(by):
        raise ValueError(f"{by!r} is none of {', '.join(GROUPINGS)}")
    found: dict[str, list[Line]] = {}
    unread: set[str] = set()
    for bill in bills:
        keys: set[str] = set() if by in _OF_CHARGE else {_key_of_bill(bill, by)}
        for line in lines((bill,), period):
            for each in by_day(line) if by == "day" else (line,):
                key = _key(bill, each.charge, by)
                found.setdefault(key, []).append(each)
                keys.add(key)
        if bill.unread:
            unread |= keys
    groups = [
        Group(key=key, lines=tuple(found.get(key, ())), unread=key in unread)
        for key in dict.fromkeys((*found, *sorted(unread)))
    ]
    if by == "day":
        return tuple(sorted(groups, key=lambda each: each.key))
    return tuple(sorted(groups, key=lambda each: (-each.usd.usd, each.key)))


def _key(bill: Bill, charge: Charge, by: str) -> str:
    if by == "provider" and bill.provider != charge.provider and bill.provider in TITLES:
        return charge.provider  # of a job that has moved
    return _OF_CHARGE[by](charge) if by in _OF_CHARGE else _key_of_bill(bill, by)


def _key_of_bill(bill: Bill, by: str) -> str:
    return bill.tags.get(by.removeprefix(TAG), UNTAGGED) if by.startswith(TAG) else _OF_BILL[by](bill)


def by_day(line: Line) -> Iterator[Line]:
    """The line for each day in UTC."""
    charge, began = line.charge, line.charge.began
    while True:
        midnight = datetime.combine(began.date(), datetime.min.time(), timezone.utc) + DAY
        ended = min(midnight, charge.ended)
        is_last = ended >= charge.ended
        yield replace(
            line, charge=replace(charge, began=began, ended=ended, is_exact=charge.is_exact or not is_last)
        )
        if is_last:
            return
        began = midnight


def _within(charge: Charge, since: datetime, until: datetime) -> Charge | None:
    began, ended = max(charge.began, since), min(charge.ended, until)
    if began > ended or (began == ended and charge.began != charge.ended):
        return None
    if (began, ended) == (charge.began, charge.ended):
        return charge if since <= began < until else None
    return replace(charge, began=began, ended=ended, is_exact=charge.is_exact or ended < charge.ended)

"""The ledger against sums by hand: each dollar once, in its group, its period and its day."""

from __future__ import annotations

import csv
import io
import random
from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runctl_auto.cli.views.ledger import chart_lines, csv_text, ledger_columns, ledger_csv, ledger_rows
from runctl_auto.cost.bill_json import bill_from_json, bill_to_json
from runctl_auto.cost.charges import Charge, MachineUse
from runctl_auto.cost.chart import daily_costs
from runctl_auto.cost.focus import focus_rows
from runctl_auto.cost.ledger import BEGINNING, Bill, Group, Period, grouped, is_grouping, merged
from runctl_auto.cost.quantities import NAMES, Quantity, quantities
from runctl_auto.local.printable import printable
from runctl_auto.operations.cost import Ledger

START = datetime(2026, 1, 30, 12, tzinfo=timezone.utc)
WHOLE = Period(until=datetime(2030, 1, 1, tzinfo=timezone.utc))


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def charge(began: float, ended: float, price: float | None = 1.0, **changes: Any) -> Charge:
    values: dict[str, Any] = {
        "kind": "machine",
        "resource": "i-1",
        "what": "m5.large spot",
        "run": "r1",
        **changes,
    }
    return Charge(
        began=at(began), ended=at(ended), quantity=values.pop("quantity", 1), price_hour=price, **values
    )


def bill(*charges: Charge, **changes: Any) -> Bill:
    values: dict[str, Any] = {
        "job": "digits",
        "project": "runctl",
        "owner": "ann",
        "provider": "aws",
        "account": "111122223333",
        "region": "us-east-1",
        **changes,
    }
    return Bill(charges=charges, **values)


def told(groups: tuple[Group, ...]) -> dict[str, tuple[float, bool]]:
    return {each.key: (round(each.usd.usd, 9), each.usd.complete) for each in groups}


USE = MachineUse(cpus=2, memory_gb=7.5, requests_hour=30, bytes_hour=1000)
BILLS = (
    bill(
        charge(0, 2, use=USE), charge(0, 2, 0.01, kind="disk", what="gp3", quantity=50), tags={"team": "nlp"}
    ),
    bill(
        charge(1, 4, 2.0, resource="i-2", what="g5.xlarge on-demand"),
        charge(0, 24, 0.001, kind="volume", resource="vol-1", what="gp3", run=None, quantity=100),
        job="eyes",
        owner="bob",
    ),
)


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("job", {"eyes": 8.4, "digits": 3.0}),
        ("owner", {"bob": 8.4, "ann": 3.0}),
        ("project", {"runctl": 11.4}),
        ("provider", {"aws": 11.4}),
        ("type", {"g5.xlarge on-demand": 6.0, "gp3": 3.4, "m5.large spot": 2.0}),
        ("day", {"2026-01-30": 10.2, "2026-01-31": 1.2}),
        ("tag:team", {"(none)": 8.4, "nlp": 3.0}),
    ],
)
def test_groups(by: str, expected: dict[str, float]) -> None:
    found = told(grouped(BILLS, by, WHOLE))
    assert found == {key: (usd, True) for key, usd in expected.items()}
    assert list(found) == list(expected), "the dearest first, days in order"


def test_a_job_that_moved_is_charged_by_both_providers() -> None:
    moved = bill(
        charge(0, 1, 1.0, resource="i-1", what="m5.large spot"),
        charge(1, 2, 2.0, resource="pod1", what="nvidia-a40.1 on-demand"),
        charge(1, 2, 0.5, resource="pod1", kind="disk", what="of the pod"),
    )
    assert told(grouped([moved], "provider", WHOLE)) == {"runpod": (2.5, True), "aws": (1.0, True)}
    services = {(row["ProviderName"], row["ServiceName"]) for row in focus_rows([moved], WHOLE)}
    assert services == {("AWS", "Amazon Elastic Compute Cloud"), ("RunPod", "Pods")}


def test_quantities_stand_beside_the_money() -> None:
    digits, eyes = sorted(grouped(BILLS, "job", WHOLE), key=lambda each: each.key)
    assert digits.quantities.as_json() == {
        "machine_hours": 2,
        "vcpu_hours": 4,
        "memory_gb_hours": 15,
        "gb_hours": 100,
        "requests": 60,
        "sent_bytes": 2000,
    }
    assert digits.quantities.at_least == ["requests", "sent_bytes"], "the job's own are not known"
    assert (eyes.quantities.machine_hours.value, eyes.quantities.gb_hours.value) == (3, 2400)
    assert eyes.quantities.vcpu_hours.known is None, "a status of an earlier version"
    assert eyes.quantities.at_least == ["vcpu_hours", "memory_gb_hours", "requests", "sent_bytes"]


def test_quantities_of_days_add_up_to_those_of_the_whole() -> None:
    """Also of a machine whose end is not known: at least so much."""
    cut = bill(charge(0, 30, use=USE, is_exact=False), charge(0, 30, kind="disk", what="gp3", quantity=50))
    (whole,) = grouped((cut,), "job", WHOLE)
    days = grouped((cut,), "day", WHOLE)
    for name in NAMES:
        sums = sum(getattr(each.quantities, name).value for each in days)
        assert sums == pytest.approx(getattr(whole.quantities, name).value), name
    assert whole.quantities.machine_hours == Quantity(30, complete=False)
    assert [each.quantities.machine_hours.complete for each in days] == [True, False]
    nothing = quantities((), unread=True)
    assert nothing.as_json() == dict.fromkeys(NAMES)
    assert quantities(()).at_least == []


@pytest.mark.parametrize(
    ("since", "until", "usd"),
    [(-9, 99, 3.0), (0.5, 1.5, 1.0), (1.5, 99, 0.5), (-9, 0.25, 0.25), (2, 99, None), (-9, 0, None)],
)
def test_only_what_lies_in_the_period_counts(since: float, until: float, usd: float | None) -> None:
    whole = bill(charge(0, 2), charge(0, 1, 1.0, resource="i-2"))
    only = (bill(charge(0, 2)),) if usd != 3.0 else (whole,)
    groups = grouped(only, "job", Period(since=at(since), until=at(until)))
    assert [each.usd.usd for each in groups] == ([] if usd is None else [pytest.approx(usd)])


def test_what_is_unknown_makes_its_groups_at_least() -> None:
    bills = (
        bill(charge(0, 1), charge(0, 1, None, resource="i-2", what="p5.48xlarge spot")),
        bill(charge(0, 1, is_exact=False), job="vanished"),
        bill(job="unread", unread=True),
    )
    assert told(grouped(bills, "job", WHOLE)) == {
        "digits": (1.0, False),
        "vanished": (1.0, False),
        "unread": (0.0, False),
    }
    assert told(grouped(bills[:1], "type", WHOLE)) == {
        "m5.large spot": (1.0, True),
        "p5.48xlarge spot": (0.0, False),
    }


def test_an_end_that_is_not_known_concerns_its_last_day_only() -> None:
    found = told(grouped((bill(charge(0, 24, is_exact=False)),), "day", WHOLE))
    assert found == {"2026-01-30": (12.0, True), "2026-01-31": (12.0, False)}


def test_a_grouping_has_a_name() -> None:
    assert is_grouping("tag:team")
    assert not is_grouping("tag:")
    with pytest.raises(ValueError, match="colour"):
        grouped(BILLS, "colour", WHOLE)


def test_what_is_archived_and_still_there_counts_once() -> None:
    volume = charge(0, 5, 0.1, kind="volume", resource="vol-1", goes_on=True)
    machine = charge(0, 2, goes_on=True)
    archived = bill(machine, volume, gone=True)
    ended = bill(replace(machine, ended=at(2.5), goes_on=False), replace(volume, ended=at(9)))
    (found,) = merged((archived, ended))
    assert {each.resource: each.hours for each in found.charges} == {"i-1": 2.5, "vol-1": 9.0}
    assert not found.gone
    assert merged((ended, archived))[0].charges[0].hours == 2.5, "whichever comes first"
    later = bill(charge(100, 101, resource="i-7"), gone=False)
    (both,) = merged((replace(ended, gone=True), later))
    assert {each.resource for each in both.charges} == {"i-1", "vol-1", "i-7"}, "another life of the name"


def test_a_last_bill_without_statuses_loses_nothing() -> None:
    first = bill(charge(0, 2, is_exact=True))
    second = bill(charge(0, 1, is_exact=False), unread=True)
    (found,) = merged((first, second))
    assert found.charges == first.charges
    assert not found.unread


@pytest.mark.parametrize("unread", [True, False])
def test_a_bill_comes_back_from_its_file(unread: bool) -> None:
    written = replace(BILLS[1], gone=True, unread=unread, tags={"team": "ü"})
    assert bill_from_json(bill_to_json(written)) == written
    with pytest.raises(ValueError, match="format"):
        bill_from_json({**bill_to_json(written), "format": 2})
    with pytest.raises(ValueError, match="kind"):
        bill_from_json({**bill_to_json(written), "charges": [{"kind": "gift"}]})


hours = st.integers(0, 24 * 90 * 3600).map(lambda seconds: seconds / 3600)


@st.composite
def charged(draw: st.DrawFn) -> Charge:
    began, ended = sorted((draw(hours), draw(hours)))
    number = draw(st.integers(0, 9))
    return charge(began, ended, draw(st.integers(1, 5000)) / 1000, resource=f"i-{number}")


@given(st.lists(charged(), max_size=8), hours, hours)
def test_days_and_adjoining_periods_add_up(charges: list[Charge], one: float, two: float) -> None:
    bills = (bill(*charges),)
    whole = sum(each.usd.usd for each in charges)
    cuts = [BEGINNING, *sorted((at(one), at(two))), WHOLE.until]
    periods = [Period(since=since, until=until) for since, until in pairwise(cuts)]
    parts = sum(group.usd.usd for each in periods for group in grouped(bills, "job", each))
    assert parts == pytest.approx(whole, abs=1e-6)
    assert sum(each.usd.usd for each in grouped(bills, "day", WHOLE)) == pytest.approx(whole, abs=1e-6)
    rows = sum(float(each["BilledCost"]) for each in focus_rows(bills, WHOLE))
    assert rows == pytest.approx(whole, abs=1e-6)


def test_a_bill_of_1000_runs_to_the_cent() -> None:
    """Against exact fractions, second by second of price."""
    chosen = random.Random(21)
    expected: dict[str, Fraction] = defaultdict(Fraction)
    bills = []
    for number in range(1000):
        owner, prices = f"owner-{number % 7}", [chosen.randrange(1, 40_000) for _ in range(3)]
        charges, clock = [], chosen.randrange(0, 3600 * 24 * 300)
        for price in prices:
            seconds = chosen.randrange(1, 400_000)
            expected[owner] += Fraction(seconds, 3600) * Fraction(price, 1000)
            name = f"i-{number}-{clock}"
            charges.append(charge(clock / 3600, (clock + seconds) / 3600, price / 1000, resource=name))
            clock += seconds + chosen.randrange(0, 1000)
        bills.append(bill(*charges, job=f"job-{number}", owner=owner))
    found = {each.key: each.usd.usd for each in grouped(bills, "owner", WHOLE)}
    assert {key: round(usd, 2) for key, usd in found.items()} == {
        key: float(round(usd, 2)) for key, usd in expected.items()
    }


def ledger(by: str = "job", *bills: Bill) -> Ledger:
    chosen = bills or BILLS
    return Ledger(by=by, period=WHOLE, bills=chosen, groups=grouped(chosen, by, WHOLE))


def test_the_table_has_bars_and_a_sum() -> None:
    rows = ledger_rows(ledger())
    assert rows == [
        ("eyes", "$8.40", "█" * 24, "3.00", "2400.00", *["unknown"] * 4),
        ("digits", "$3.00", "████████▋", "2.00", "100.00", "4.00", "15.00", "≥ 60", "≥ 2.0 kB"),
        ("in all", "$11.40", "", "5.00", "2500.00", "≥ 4.00", "≥ 15.00", "≥ 60", "≥ 2.0 kB"),
    ]
    assert [each.title for each in ledger_columns("tag:team")][:2] == ["TAG:TEAM", "COST"]
    assert ledger_rows(ledger("job", bill(job="unread", unread=True)))[0][:3] == ("unread", "unknown", "")


def test_the_chart_has_a_bar_for_each_day_also_for_those_without_a_cost() -> None:
    apart = (bill(charge(0, 2)), bill(charge(48, 49, 1.0), job="later"))
    assert list(chart_lines(ledger("day", *apart), 40)) == [
        f"2026-01-30 {'█' * 23} $2.00",
        "2026-01-31  $0.00",
        f"2026-02-01 {'█' * 11}▌ $1.00",
    ]
    unread = list(chart_lines(ledger("job", bill(charge(0, 1, None), job="a\x1b[31m")), 40))
    assert unread == [printable("a\x1b[31m") + "  unknown"]
    assert list(chart_lines(ledger("job", bill()), None)) == []


def test_daily_costs_of_owners_for_a_page() -> None:
    found = daily_costs(BILLS, WHOLE)
    assert [str(each) for each in found.days] == ["2026-01-30", "2026-01-31"]
    assert [(each.key, [round(usd, 6) for usd in each.usd]) for each in found.series] == [
        ("bob", [7.2, 1.2]),
        ("ann", [3.0, 0.0]),
    ]
    assert found.totals == pytest.approx((10.2, 1.2))
    types = daily_costs(BILLS, WHOLE, by="type")
    assert {each.key: round(each.total, 6) for each in types.series} == told_usd("type")
    assert daily_costs((), WHOLE).days == ()


def told_usd(by: str) -> dict[str, float]:
    return {key: usd for key, (usd, _) in told(grouped(BILLS, by, WHOLE)).items()}


def test_csv_and_focus_are_read_by_others() -> None:
    rows = list(csv.DictReader(io.StringIO(ledger_csv(ledger("owner")))))
    assert rows[0] == {
        "owner": "bob",
        "usd": "8.4",
        "at_least": "false",
        "machine_hours": "3.0",
        "vcpu_hours": "",
        "memory_gb_hours": "",
        "gb_hours": "2400.0",
        "requests": "",
        "sent_bytes": "",
    }
    assert csv_text(("job",), [["=1+1"], ["a,b"]]) == 'job\n\'=1+1\n"a,b"\n'
    focus = list(focus_rows(BILLS, WHOLE))
    first = focus[0]
    assert (first["BilledCost"], first["ServiceCategory"], first["PricingCategory"]) == (
        "2.0000000000",
        "Compute",
        "Dynamic",
    )
    assert (first["BillingPeriodStart"], first["BillingPeriodEnd"]) == (
        "2026-01-01T00:00:00Z",
        "2026-02-01T00:00:00Z",
    )
    assert first["Tags"] == '{"team": "nlp"}'
    used = ("x_VCpuHours", "x_MemoryGBHours", "x_Requests", "x_SentBytes")
    assert [first[name] for name in used] == ["4.000000", "15.000000", "60.000000", "2000.000000"]
    assert [focus[-1][name] for name in used] == [""] * 4
    unknown = next(focus_rows((bill(charge(0, 1, None)),), WHOLE))
    assert (unknown["BilledCost"], unknown["x_AtLeast"]) == ("", "true")

"""Offers as rows of a table, and as the lines of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from runctl_auto.cli.views.costs import source_text
from runctl_auto.cli.views.table import Column
from runctl_auto.placement.order import RankedOffer
from runctl_auto.stack.place_text import place_text

COLUMNS = (
    Column("TYPE"),
    Column("GPU", spare=3),
    Column("CPUS", spare=5, right=True),
    Column("MEMORY", spare=4, right=True),
    Column("ZONE"),
    Column("MARKET"),
    Column("PRICE", right=True),
    Column("EXPECTED", spare=1, right=True),
    Column("SCORE", spare=2, right=True),
)
PROVIDER = Column("PROVIDER")
WHY = Column("LEFT OUT, SINCE")


def offer_table(offers: Sequence[RankedOffer]) -> tuple[Sequence[Column], list[tuple[str, ...]]]:
    """The columns and a row for each offer; with the provider if there are several, and with the reason if
    one is left out."""
    columns: tuple[Column, ...] = COLUMNS
    rows = [_row(each) for each in offers]
    if len({each.offer.provider for each in offers}) > 1:
        columns = (PROVIDER, *columns)
        rows = [(each.offer.provider, *row) for each, row in zip(offers, rows, strict=True)]
    if any(each.offer.left_out for each in offers):
        whys = [each.offer.left_out or "" for each in offers]
        return (*columns, WHY), [(*row, why) for row, why in zip(rows, whys, strict=True)]
    return columns, rows


def _row(ranked: RankedOffer) -> tuple[str, ...]:
    offer = ranked.offer
    expected = "-" if offer.left_out else _expected(ranked)
    score = "-" if offer.score is None else str(offer.score)
    return (
        offer.instance_type,
        offer.gpu or "-",
        str(offer.cpus) if offer.cpus else "-",
        f"{offer.memory_gb:g} GB" if offer.memory_gb else "-",
        offer.zone,
        offer.market,
        _price(offer.price_hour),
        expected,
        score,
    )


def _expected(ranked: RankedOffer) -> str:
    if ranked.offer.price_hour is None:
        return "unknown"
    return f"{'' if ranked.hour.complete else '≥ '}{ranked.hour.usd:.4f}"


def _price(usd: float | None) -> str:
    return "unknown" if usd is None else f"{usd:.4f}"


def sources_text(offers: Iterable[RankedOffer]) -> str:
    """Where the prices are from; empty when none is known."""
    sources = dict.fromkeys(each.offer.price_source for each in offers if each.offer.price_source)
    return "; ".join(source_text(each) for each in sources)


def next_offer_lines(offers: Sequence[RankedOffer]) -> Iterator[str]:
    """The offers in the order in which they are tried, a line each; none when there is no choice."""
    if len(offers) < 2:
        return
    yield "tried in this order, USD an hour with storage:"
    for number, each in enumerate(offers, 1):
        offer = each.offer
        score = "" if offer.score is None else f", score {offer.score}"
        yield f"  {number}. {place_text(offer)}: {_expected(each)}{score}"

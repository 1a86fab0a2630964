"""Offers as people see them."""

from __future__ import annotations

from dataclasses import replace

from runctl_auto.cli.views.offers import next_offer_lines, offer_table, sources_text
from runctl_auto.cost.amount import Amount
from runctl_auto.placement.order import RankedOffer
from runctl_auto.providers.contract import Offer
from runctl_auto.stack.prices import PriceSource

OFFER = Offer(
    instance_type="g5.xlarge",
    zone="us-east-1a",
    market="spot",
    cpus=4,
    memory_gb=16.0,
    gpu="A10G:1",
    price_hour=0.4,
    price_source=PriceSource(name="spot-history", date="2026-01-31"),
    score=7,
)
KNOWN = RankedOffer(offer=OFFER, hour=Amount(0.41))
UNKNOWN = RankedOffer(
    offer=replace(OFFER, price_hour=None, price_source=None, score=None, gpu=None),
    hour=Amount(0.01, complete=False),
)
LEFT_OUT = RankedOffer(offer=replace(OFFER, left_out="too dear"), hour=Amount(0.4))


def test_a_row_has_price_expectation_and_score() -> None:
    columns, rows = offer_table([KNOWN, UNKNOWN])
    assert [each.title for each in columns][-3:] == ["PRICE", "EXPECTED", "SCORE"]
    assert rows[0] == ("g5.xlarge", "A10G:1", "4", "16 GB", "us-east-1a", "spot", "0.4000", "0.4100", "7")
    assert rows[1][-3:] == ("unknown", "unknown", "-"), "what is unknown is not shown as free"


def test_what_a_provider_does_not_tell_of_a_machine_is_not_shown_as_none() -> None:
    pod = RankedOffer(offer=replace(OFFER, cpus=0, memory_gb=0.0), hour=Amount(0.4))
    assert offer_table([pod])[1][0][2:4] == ("-", "-")


def test_the_reason_is_a_column_where_something_is_left_out() -> None:
    columns, rows = offer_table([KNOWN, LEFT_OUT])
    assert columns[-1].title == "LEFT OUT, SINCE"
    assert [row[-1] for row in rows] == ["", "too dear"]


def test_a_part_without_a_price_makes_it_the_least() -> None:
    partly = RankedOffer(offer=OFFER, hour=Amount(0.4, complete=False))
    assert offer_table([partly])[1][0][-2] == "≥ 0.4000"


def test_the_plan_numbers_them_if_there_is_a_choice() -> None:
    assert list(next_offer_lines([KNOWN])) == []
    assert list(next_offer_lines([KNOWN, UNKNOWN]))[1:] == [
        "  1. g5.xlarge spot in us-east-1a: 0.4100, score 7",
        "  2. g5.xlarge spot in us-east-1a: unknown",
    ]


def test_sources_are_named_once() -> None:
    assert sources_text([KNOWN, KNOWN, UNKNOWN]) == "spot-history of 2026-01-31"
    assert sources_text([UNKNOWN]) == ""


POD = RankedOffer(
    offer=replace(OFFER, provider="runpod", instance_type="nvidia-a40.1", zone="EU-RO-1", score=None),
    hour=Amount(0.5),
)


def test_of_several_providers_each_row_names_its_own() -> None:
    columns, rows = offer_table([KNOWN, POD])
    assert columns[0].title == "PROVIDER"
    assert [row[0] for row in rows] == ["aws", "runpod"]
    assert list(next_offer_lines([KNOWN, POD]))[2] == "  2. nvidia-a40.1 spot in EU-RO-1 (RunPod): 0.5000"
    assert offer_table([POD])[0][0].title == "TYPE", "one provider needs no column"

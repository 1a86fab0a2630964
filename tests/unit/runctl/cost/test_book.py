"""The price book: shipped, kept, and what a damaged file does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runctl_auto.cost.book import PriceBook, from_json, kept_prices_folder, to_json
from runctl_auto.stack.prices import PriceSource, Rates, RegionPrices


def prices(date: str = "2030-05-01", **machines: float) -> RegionPrices:
    source = PriceSource(name="price-list", date=date)
    return RegionPrices("us-east-1", source, machines, Rates(volume_gb_month=0.09, source=source))


def test_the_shipped_book_says_its_date_and_has_no_price_of_0() -> None:
    shipped = PriceBook().region("us-east-1")
    assert shipped is not None
    assert shipped.source == PriceSource(name="book", date="2026-01-19")
    assert len(shipped.on_demand) > 150
    assert all(price > 0 for price in shipped.on_demand.values())
    assert shipped.on_demand["m5.large"] == 0.096
    assert None not in vars(shipped.rates).values()


def test_a_region_in_no_book_is_unknown() -> None:
    assert PriceBook().region("eu-west-1") is None


def test_kept_prices_come_back_and_the_newer_ones_count(tmp_path: Path) -> None:
    book = PriceBook(tmp_path / "prices")
    book.keep(prices("2030-05-01", **{"m5.large": 0.2}))
    found = book.region("us-east-1")
    assert found is not None
    assert found.source == PriceSource(name="price-list", date="2030-05-01")
    assert found.on_demand == {"m5.large": 0.2}
    assert found.rates.volume_gb_month == 0.09
    assert found.rates.get_1000 is None
    book.keep(prices("2020-05-01", **{"m5.large": 0.2}))
    shipped = book.region("us-east-1")
    assert shipped is not None
    assert shipped.source.name == "book"


@pytest.mark.parametrize(
    "text",
    ["", "{", "null", "[]", "{}", '{"format": 2, "currency": "USD"}', '{"format": 1, "currency": "EUR"}'],
)
def test_a_damaged_file_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "us-east-1.json").write_text(text)
    found = PriceBook(tmp_path).region("us-east-1")
    assert found is not None
    assert found.source.name == "book"
    with pytest.raises(ValueError, match=r"."):
        from_json(text, "cache")


def test_prices_that_are_none_are_left_out() -> None:
    content = json.loads(to_json(prices(good=1.5)))
    content["on_demand"].update(zero=0, minus=-1, word="1", truth=True, null=None, nan=float("nan"))
    content["rates"].update(get_1000=0, another=3)
    read = from_json(json.dumps(content), "cache")
    assert read.on_demand == {"good": 1.5}
    assert read.rates.get_1000 is None


def test_the_folder_is_the_persons_cache() -> None:
    assert kept_prices_folder({"HOME": "/home/a"}) == Path("/home/a/.cache/runctl/prices")
    assert kept_prices_folder({"XDG_CACHE_HOME": "/c", "HOME": "/home/a"}) == Path("/c/runctl/prices")
    assert kept_prices_folder({"XDG_CACHE_HOME": "c", "HOME": "/home/a"}) == Path(
        "/home/a/.cache/runctl/prices"
    )

"""The cost box: at most 80 columns, and nothing unknown looks free."""

from __future__ import annotations

from support.job_stacks import job_spec, placement, stack_config

from runctl_auto.cli.views.costs import cost_lines
from runctl_auto.cost.estimate import Estimate, estimate
from runctl_auto.stack.prices import PriceSource, Rates

BOOK = PriceSource(name="book", date="2026-01-19")
HISTORY = PriceSource(name="spot-history", date="2026-01-31")


def made(price: float | None = 0.0284, rates: Rates | None = None, **job: object) -> Estimate:
    spec = job_spec(resources={"instance_types": ["m5.large"], "disk": "20GB"}, **job)
    where = placement(
        instance_type="m5.large",
        price_hour=price,
        price_source=HISTORY,
        price_average=0.03,
        public_address=True,
    )
    if rates is None:
        rates = Rates(volume_gb_month=0.08, public_ipv4_hour=0.005, source=BOOK)
    return estimate(stack_config(job=spec, placement=where, rates=rates))


def test_all_parts_limits_and_sources_are_shown() -> None:
    data = {"name": "data", "mount": "/data", "size": "100GB"}
    shown = list(cost_lines(made(max_duration="1h", max_price=0.2, budget=3, volumes=[data]), made(0.02)))
    assert shown == [
        "cost in USD                 an hour",
        "  m5.large spot                0.0284",
        "  disk, gp3, 20 GB             0.0022",
        "  public IPv4 address          0.0050",
        "  volume data, gp3, 100 GB     0.0110",
        "  in all                       0.0466  (now 0.0272)",
        "  at most, in 1 h              0.0466; max_price 0.2 an hour, budget 3",
        "  at the average spot price    0.0482",
        "  kept after the run           8.0000 a month",
        "  prices: spot-history of 2026-01-31; book of 2026-01-19",
    ]
    assert max(map(len, shown)) <= 78


def test_an_unknown_price_is_not_shown_as_free() -> None:
    shown = list(cost_lines(made(None, Rates(public_ipv4_hour=0.005)), None))
    assert shown[1].split() == ["m5.large", "spot", "unknown"]
    assert shown[2].endswith("unknown")
    assert shown[4].split() == ["in", "all", "≥", "0.0050"]


def test_a_job_without_a_limit_says_so() -> None:
    assert any("no max_duration, no budget" in each for each in cost_lines(made(), None))
    assert any("at the budget; budget 3" in each for each in cost_lines(made(budget=3), None))

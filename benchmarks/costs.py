"""Loading a price book of 1,300 types, and `runctl preview` with and without prices, alternating."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from statistics import median

import yaml

from benchmarks.command_line import RUNCTL, run
from runctl_auto.cost.book import PriceBook, from_json, to_json
from runctl_auto.stack.prices import PriceSource, Rates, RegionPrices

TYPES = 1300
JOB = {
    "name": "priced",
    "region": "us-east-1",
    "workdir": "work",
    "run": "sleep 3600",
    "resources": {"instance_types": ["m5.large", "c5.large"], "disk": "20GB"},
    "volumes": [{"name": "data", "size": "1GB", "mount": "/data"}],
    "max_duration": "1h",
}
_WITHOUT = """\
import sys
from runctl_auto.cli.main import run
from runctl_auto.cost.book import PriceBook
from runctl_auto.jobs import planning
from runctl_auto.providers.aws import offers, quotes
PriceBook.region = lambda self, region: None
planning.estimate = lambda *args, **more: None
offers.average_spot_price = lambda *args, **more: None
quotes.on_demand_prices = lambda *args, **more: {}
sys.exit(run(sys.argv[1:]))
"""
_WITH = "import sys\nfrom runctl_auto.cli.main import run\nsys.exit(run(sys.argv[1:]))\n"
PREVIEW = ["--sandbox", "preview", "job.yaml"]


def measure(folder: Path, rounds: int) -> None:
    _measure_book(folder, rounds)
    _measure_preview(folder, rounds)


def _measure_book(folder: Path, rounds: int) -> None:
    source = PriceSource(name="price-list", date="2026-01-31")
    prices = {f"family{number // 20}.{number % 20}xlarge": 0.05 + number / 1000 for number in range(TYPES)}
    region = RegionPrices("xx-test-1", source, prices, Rates(volume_gb_month=0.08, source=source))
    book = PriceBook(folder / "prices")
    path = book.keep(region)
    assert from_json(path.read_text(), "price-list").on_demand == prices, to_json(region)[:200]
    costs = []
    for _ in range(max(rounds, 5)):
        began = time.process_time()
        book.region("xx-test-1")
        costs.append(time.process_time() - began)
    print(f"a book of {TYPES} types loads in {median(costs) * 1000:.1f} ms CPU (bar: 20)")


def _measure_preview(folder: Path, rounds: int) -> None:
    (folder / ".runctl").mkdir(mode=0o700)
    (folder / "work").mkdir()
    (folder / "work" / "train.py").touch()
    (folder / "job.yaml").write_text(yaml.safe_dump(JOB))
    run(folder, [RUNCTL, "--sandbox", "sandbox", "start"])
    try:
        priced, unpriced = [], []
        for _ in range(rounds + 1):  # the first round warms caches and is discarded
            priced.append(run(folder, [sys.executable, "-c", _WITH, *PREVIEW])[1].wall)
            unpriced.append(run(folder, [sys.executable, "-c", _WITHOUT, *PREVIEW])[1].wall)
        gains = [with_prices - without for with_prices, without in zip(priced[1:], unpriced[1:], strict=True)]
        print(f"preview with prices:  {median(priced[1:]):.2f} s")
        print(f"without:              {median(unpriced[1:]):.2f} s")
        print(f"prices cost:          {median(gains):.2f} s (bar: 0.1)")
    finally:
        run(folder, [RUNCTL, "--sandbox", "sandbox", "stop"])

"""The ledger of 1,000 jobs and 5,000 runs: from what is stored of them to groups, without requests."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from statistics import median
from typing import Any

from runctl_auto.cost.charges import JobRecords, charges
from runctl_auto.cost.ledger import Bill, Period, grouped, merged
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.jobs.bills.last import bill_of
from runctl_auto.run.identity import RunIdentity
from runctl_auto.run.status import parse_run_status
from runctl_auto.stack.config import Placement, Protection, StackConfig
from runctl_auto.stack.prices import Rates

JOBS, RUNS, MACHINES = 1000, 5, 2
START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def measure(folder: Path, rounds: int) -> None:
    stored = [(_config(number).to_values(), _statuses(number)) for number in range(JOBS)]
    costs = []
    for _ in range(max(3, rounds)):
        began = time.process_time()
        bills = merged(_bill(values, texts) for values, texts in stored)
        period = Period(until=START + timedelta(days=400))
        groups = [grouped(bills, by, period) for by in ("job", "owner", "day")]
        costs.append(time.process_time() - began)
        assert sum(each.quantities.machine_hours.value for each in groups[0]) > 0
    print(
        f"ledger of {JOBS} jobs and {JOBS * RUNS} runs, by job, owner and day: {median(costs):.2f} s CPU "
        "(bar: 3)",
        flush=True,
    )


def _bill(values: dict[str, str], texts: list[bytes]) -> Bill:
    config = StackConfig.from_values(values)
    statuses = [parse_run_status(text, f"r{number}") for number, text in enumerate(texts)]
    records = JobRecords(
        config=config, now=START + timedelta(days=390), status=statuses[-1], earlier=statuses[:-1]
    )
    return bill_of(config, tuple(charges(records)))


def _config(number: int) -> StackConfig:
    spec = {"name": f"job-{number}", "region": "us-east-1", "run": "true", "tags": {"team": str(number % 9)}}
    return StackConfig(
        job=JobSpec.model_validate(spec),
        run=RunIdentity("r4", RUNS, "r0", "c" * 64, "a" * 64, earlier=("r0", "r1", "r2", "r3")),
        placement=Placement(
            account="111122223333",
            partition="aws",
            region="us-east-1",
            zone="us-east-1a",
            vpc="vpc-1",
            subnet="subnet-1",
            image="ami-1",
            instance_type="m5.large",
            market="spot",
            price_hour=0.03,
            public_address=True,
        ),
        owner=f"owner-{number % 20}",
        protection=Protection(),
        rates=Rates(volume_gb_month=0.08, public_ipv4_hour=0.005),
    )


def _statuses(job: int) -> list[bytes]:
    found = []
    for run in range(RUNS):
        machines: list[dict[str, Any]] = []
        for number in range(MACHINES):
            began = START + timedelta(days=run * 70 + number * 20, minutes=job)
            ended = (began + timedelta(hours=3 + job % 40)).isoformat()
            machines.append(
                {
                    "id": f"i-{job}-{run}-{number}",
                    "type": "m5.large",
                    "zone": "us-east-1a",
                    "market": "spot",
                    "launched_at": began.isoformat(),
                    "seen_at": ended,
                    "ended_at": ended,
                    "price_hour": 0.03,
                }
            )
        status = {"schema": 1, "phase": "succeeded", "phases": {"run": 1.0}, "machines": machines}
        found.append(json.dumps(status).encode())
    return found

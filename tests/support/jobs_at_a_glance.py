"""Jobs as a look finds them, made up: for tests and pictures of pages."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from itertools import count
from typing import Any
from unittest.mock import create_autospec

from support.agent_stand_ins import MemoryStore
from support.job_stacks import job_spec, placement, stack_config
from support.sessions import ACCOUNT, fake_provider, fake_results, fake_session

from runctl_auto.agent.contract import SCHEMA
from runctl_auto.agent.keys import log_part_name, logs_prefix, metrics_key
from runctl_auto.agent.status_format import new_status
from runctl_auto.engine.driver import Driver, JobSummary
from runctl_auto.jobs.listing import ListedJob
from runctl_auto.jobs.run_facts import RunFacts
from runctl_auto.jobs.session import Session, Time
from runctl_auto.pages.looks.look import Look, look_of
from runctl_auto.pages.looks.series import Series, thinned
from runctl_auto.providers.contract import LogPart
from runctl_auto.run.identity import RunIdentity
from runctl_auto.run.status import RunStatus, status_of
from runctl_auto.stack.prices import Rates
from runctl_auto.stack.trail import RefusedPlace

NOW = datetime(2026, 11, 30, 14, 30, tzinfo=timezone.utc)
"""When the look is."""
HOUR = timedelta(hours=1)


def at(hours: float) -> str:
    """So many hours before ``NOW``, as statuses tell times."""
    return (NOW - hours * HOUR).isoformat().replace("+00:00", "Z")


def machine(number: int, began: float, ended: float | None, **changes: Any) -> dict[str, Any]:
    """A machine from so many hours before ``NOW`` to so many; None: it runs."""
    return {
        "id": f"i-0{number:04x}",
        "type": "g5.xlarge",
        "zone": "us-east-1a",
        "market": "spot",
        "launched_at": at(began),
        "seen_at": at(ended or 0.0),
        "ended_at": None if ended is None else at(ended),
        "price_hour": 0.42,
        **changes,
    }


def run_status(
    job: str, run: str, phase: str, machines: Sequence[dict[str, Any]] = (), **changes: Any
) -> RunStatus:
    """The status of a run on ``machines``."""
    began = machines[0]["launched_at"] if machines else at(1)
    values: Any = {
        **new_status(job, run, began),
        "phase": phase,
        "updated_at": at(0.002),
        "machines": list(machines),
        "instance": machines[-1]["id"] if machines else None,
        **changes,
    }
    return status_of(run, values)


def listed(
    name: str, status: RunStatus | None, *, owner: str = "ann", problem: str | None = None, **config: Any
) -> ListedJob:
    """A job of the list; ``config`` changes its configuration."""
    values = {
        "job": job_spec(name=name, tags={"team": "vision"}, run="python train.py --epochs 90"),
        "placement": placement(instance_type="g5.xlarge", price_hour=0.42),
        "owner": owner,
        "rates": Rates(volume_gb_month=0.08, public_ipv4_hour=0.005),
        "run": RunIdentity(status.run if status else "r1", 1, "r1", "c" * 64, "a" * 64),
        **config,
    }
    summary = JobSummary(name, 9, at(0.1), False, at(5))
    return ListedJob(
        summary, RunFacts(stack_config(**values), status, NOW, unread=status is None), problem=problem
    )


_GB = 1024**3
_SUMMARY = {
    "training": [
        {"name": "loss", "axis": "step", "step": 3990, "value": 0.1583, "at": at(0.002), "recent": []},
        {"name": "accuracy", "axis": "step", "step": 3900, "value": 0.974, "at": at(0.002), "recent": []},
    ],
    "machine": {
        "at": at(0.002),
        "cpu": 0.62,
        "memory": 9 * _GB,
        "memory_total": 16 * _GB,
        "disk": 41 * _GB,
        "disk_total": 100 * _GB,
        "network_received": 0,
        "network_sent": 0,
        "gpus": [{"use": 0.93, "memory": 17 * _GB, "memory_total": 24 * _GB}],
    },
}


def few_jobs() -> tuple[ListedJob, ...]:
    """A job of each kind that a person meets, by name."""
    return tuple(sorted(_few(), key=lambda each: each.summary.name))


def _few() -> Iterator[ListedJob]:
    saved = {"count": 41, "last": "00000041", "last_at": at(0.05)}
    spot = [
        machine(1, 9.2, 6.1),
        machine(2, 5.9, 2.4, zone="us-east-1b"),
        machine(3, 2.2, None, market="on-demand", price_hour=1.006, zone="us-east-1c"),
    ]
    refused = RefusedPlace(
        instance_type="g5.xlarge",
        market="spot",
        zone="us-east-1a",
        subnet="subnet-1",
        code="InsufficientInstanceCapacity",
        reason="no capacity",
        at=at(2.3),
    )
    yield listed(
        "vit-base",
        run_status("vit-base", "r7f31c", "running", spot, checkpoints=saved, log_parts=12, metrics=_SUMMARY),
        trail=(refused,),
    )
    yield listed(
        "digits",
        run_status(
            "digits",
            "r1a2b3",
            "succeeded",
            [machine(4, 30, 27.5)],
            ended_at=at(27.5),
            exit_code=0,
            reason="completed",
            checkpoints={"count": 12, "last": "00000012", "last_at": at(27.6)},
        ),
        owner="bob",
    )
    tried = {
        "number": 1,
        "started_at": at(4.8),
        "ended_at": at(3.9),
        "reason": "command_failed",
        "exit_code": 1,
        "message": "CUDA out of memory",
    }
    yield listed(
        "llama-lora",
        run_status(
            "llama-lora",
            "r55d0e",
            "failed",
            [machine(5, 5, 2.9, type="g5.12xlarge", price_hour=1.7)],
            ended_at=at(2.9),
            exit_code=137,
            reason="command_failed",
            message="the command ended with code 137",
            tries=[tried],
            checkpoints={"count": 3, "last": "00000003", "last_at": at(3.2)},
        ),
        owner="bob",
    )
    yield listed(
        "speech-ctc",
        run_status(
            "speech-ctc",
            "r90aa1",
            "interrupted",
            [machine(6, 3, 0.1)],
            checkpoints={"count": 8, "last": "00000008", "last_at": at(0.12)},
        ),
        owner="eve",
    )
    yield listed("resnet-sweep-01", run_status("resnet-sweep-01", "r11", "setup", [machine(7, 0.1, None)]))
    yield listed("resnet-sweep-02", None)
    yield ListedJob(JobSummary("half-made", None, at(1), False), problem="never set up")


def many_jobs(number_of: int = 1000) -> tuple[ListedJob, ...]:
    """So many jobs, of which a tenth run."""
    phases = ["running", *["succeeded"] * 7, "failed", "stopped"]
    return tuple(
        listed(
            f"sweep-{number:04}",
            run_status(
                f"sweep-{number:04}",
                f"r{number:05x}",
                phase := phases[number % len(phases)],
                [machine(number, 2 + number % 37, None if phase == "running" else 1 + number % 17 / 17)],
                ended_at=None if phase == "running" else at(1 + number % 17 / 17),
                checkpoints={"count": number % 20, "last": "00000001", "last_at": at(0.1)},
            ),
            owner=("ann", "bob", "eve")[number % 3],
        )
        for number in range(number_of)
    )


def look_at(jobs: Sequence[ListedJob], notes: Sequence[str] = ()) -> Look:
    return look_of(NOW, jobs, notes)


def curves() -> tuple[Series, ...]:
    """Series as a training records them."""
    steps = range(0, 4000, 10)
    loss = [(s, 2.3 * math.exp(-s / 900) + 0.18 + 0.05 * math.sin(s / 7)) for s in steps]
    accuracy = [(s, 1 - 0.9 * math.exp(-s / 1100)) for s in steps[::10]]
    times = [(NOW.timestamp() - 8000 + 20 * n, n) for n in range(400)]
    gpu = [(t, 92 + 5 * math.sin(n / 5) if n % 60 > 4 else 8.0) for t, n in times]
    memory = [(t, 61 + n / 40) for t, n in times]
    return (
        Series(name="loss", points=thinned(loss)),
        Series(name="accuracy", points=thinned(accuracy)),
        Series(name="GPU use", points=tuple(gpu), over="time", unit="%"),
        Series(name="GPU memory", points=tuple(memory), over="time", unit="%"),
    )


def log_text(lines: int = 200) -> str:
    """The log of a training."""
    return "".join(
        f"epoch {n // 20 + 1} step {n * 20} loss={2.3 * math.exp(-n / 45) + 0.18:.4f} lr=0.0003\n"
        for n in range(lines)
    )


def metrics_document(run: str) -> bytes:
    """``curves`` as the agent of a run stores them."""

    def told(series: Series) -> dict[str, Any]:
        by_time = series.over == "time"
        begin = NOW.timestamp() - 9.2 * 3600
        factor = 0.01 if series.unit == "%" else 1.0
        return {
            "name": series.name,
            "axis": "time" if by_time else "step",
            "source": "machine" if by_time else "output",
            "unit": "share" if by_time else "",
            "points": len(series.points),
            "steps": [] if by_time else [x for x, _ in series.points],
            "values": [y * factor for _, y in series.points],
            "seconds": [x - begin if by_time else x for x, _ in series.points],
        }

    document = {
        "schema": SCHEMA,
        "run": run,
        "node": 0,
        "began_at": at(9.2),
        "updated_at": at(0),
        "training": [told(each) for each in curves() if each.over == "step"],
        "machine": [told(each) for each in curves() if each.over == "time"],
        "left_out": 0,
    }
    return json.dumps(document).encode()


def session_of(jobs: Sequence[ListedJob], *logs: str, **more: Any) -> Session:
    """A session whose jobs are these. Each has the same log, of the parts ``logs`` from number 11 on, and
    those that run have metrics."""
    driver = create_autospec(Driver, instance=True)
    driver.for_reading.return_value = driver
    driver.beside.return_value = driver
    driver.jobs.return_value = tuple(each.summary for each in jobs)
    driver.stack_names.return_value = tuple(each.summary.name for each in jobs)
    driver.config_version.return_value = 1
    configs = {each.summary.name: each.facts.config.to_values() for each in jobs if each.facts}
    driver.config_of.side_effect = lambda job: configs.get(job, {})
    statuses = {each.summary.name: each.facts.status for each in jobs if each.facts}
    results = fake_results()

    def log_parts(run: str, *, after: str | None = None) -> Iterator[LogPart]:
        keys = (f"{logs_prefix(run)}0/{log_part_name(number)}" for number in count(11))
        parts = (LogPart(key, text) for key, text in zip(keys, logs, strict=False) if text)
        return iter([each for each in parts if after is None or each.key > after])

    results.log_parts.side_effect = log_parts
    store = MemoryStore()
    for each in jobs:
        if each.phase == "running" and each.facts:
            run = each.facts.config.run.id
            store.put(metrics_key(run), metrics_document(run))
    results.objects.return_value = store
    provider = fake_provider(results=results)
    provider.statuses.side_effect = lambda runs: [statuses[each.job] for each in runs]
    assert placement().account == ACCOUNT
    return fake_session(driver=driver, provider=provider, time=Time(now=lambda: NOW), **more)

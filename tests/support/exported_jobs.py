"""Listed jobs with statuses, as a look at a backend finds them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

from support.job_stacks import job_spec, stack_config

from runctl_auto.engine.driver import JobSummary
from runctl_auto.jobs.listing import ListedJob
from runctl_auto.jobs.run_facts import RunFacts
from runctl_auto.run.status import parse_run_status

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=timezone.utc)


def ago(seconds: float, now: datetime = NOW) -> str:
    return (now - timedelta(seconds=seconds)).isoformat()


def listed(name: str, *, now: datetime = NOW, spec: Any = None, **status: Any) -> ListedJob:
    """A job that has run for two hours on its second machine, and is well, but for ``status``."""
    document = {
        "schema": 1,
        "run": "0123456789",
        "phase": "running",
        "instance": "i-2",
        "started_at": ago(7200, now),
        "updated_at": ago(10, now),
        "phases": {"boot": 60.0, "run": 6000.0},
        "checkpoints": {"count": 7, "last": "00000007", "last_at": ago(30, now)},
        "data": {"files": 2, "files_total": 2, "bytes": 500, "bytes_total": 500},
        "machines": [machine("i-1", 7260, 5000, now), machine("i-2", 4400, 10, now)],
        "metrics": {
            "training": [
                {
                    "name": 'lo"ss\n',
                    "axis": "step",
                    "step": 100,
                    "value": "NaN",
                    "at": ago(20, now),
                    "recent": [2.0, 1.0, "NaN"],
                }
            ],
            "machine": {
                "at": ago(20, now),
                "cpu": 0.5,
                "memory": 1000,
                "memory_total": 4000,
                "disk": 10,
                "disk_total": 20,
                "network_received": 7,
                "network_sent": None,
                "gpus": [{"use": 0.25, "memory": 5, "memory_total": 10}, {"use": None, "memory": None}],
            },
        },
        **status,
    }
    run = parse_run_status(json.dumps(document).encode(), "0123456789")
    config = stack_config(job=job_spec(name=name, **(spec or {})))
    return ListedJob(JobSummary(name, 9, None, busy=False), RunFacts(config, run, now))


def machine(identity: str, launched: float, seen: float, now: datetime = NOW) -> dict[str, Any]:
    return {
        "id": identity,
        "type": "t3.micro",
        "zone": "us-east-1a",
        "market": "spot",
        "launched_at": ago(launched, now),
        "seen_at": ago(seen, now),
        "ended_at": None if seen < 100 else ago(seen, now),
        "price_hour": 0.5,
        "usage": {"cpus": 2, "memory_gb": 1.0, "requests": 10, "sent_bytes": 1000},
    }

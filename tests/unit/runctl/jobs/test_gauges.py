"""What is exported of jobs."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any

import pytest
from support.exported_jobs import NOW, ago, listed, machine
from support.job_stacks import stack_config

from runctl_auto.engine.driver import JobSummary
from runctl_auto.jobs.gauges import families
from runctl_auto.jobs.listing import ListedJob
from runctl_auto.jobs.run_facts import RunFacts
from runctl_auto.observe.metrics.exposition import exposition
from runctl_auto.run.status import unreadable_status
from runctl_auto.stack.trail import RefusedPlace

OWN = {
    "runctl_look_success",
    "runctl_look_failures_total",
    "runctl_look_seconds",
    "runctl_look_timestamp_seconds",
    "runctl_leaks_found",
    "runctl_leaks_checked_timestamp_seconds",
}
"""Metrics of the exporter itself."""


def values(*jobs: ListedJob) -> dict[str, float]:
    """The exported values by name and labels."""
    lines = exposition(families(jobs)).splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line[0] != "#"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ('runctl_jobs{phase="running"}', 1),
        ("runctl_training_jobs_started_total", 1),
        ("runctl_training_jobs_completed_total", 0),
        ("runctl_training_jobs_failed_total", 0),
        ('runctl_resource_allocation_seconds_bucket{le="30"}', 1),
        ("runctl_resource_allocation_seconds_sum", 30),
        ('runctl_run_active{job_name="digits"}', 1),
        ('runctl_heartbeat_age_seconds{job_name="digits"}', 10),
        ('runctl_checkpoint_age_seconds{job_name="digits"}', 30),
        ('runctl_checkpoint_interval_seconds{job_name="digits"}', 60),
        ('runctl_budget_usd{job_name="digits"}', 4),
        ('runctl_interruptions_total{job_name="digits"}', 1),
        ('runctl_interruption_lost_seconds_total{job_name="digits"}', 600),
        ('runctl_boot_seconds{job_name="digits"}', 30),
        ('runctl_queue_seconds{job_name="digits"}', 0),
        ('runctl_machine_cpu_ratio{job_name="digits"}', 0.5),
        ('runctl_machine_memory_bytes{job_name="digits"}', 1000),
        ('runctl_machine_network_received_bytes_total{job_name="digits"}', 7),
        ('runctl_gpu_use_ratio{job_name="digits",gpu="0"}', 0.25),
        ('runctl_gpu_memory_total_bytes{job_name="digits",gpu="0"}', 10),
        ('runctl_moved_bytes_total{job_name="digits",direction="stored"}', 2000),
        ('runctl_moved_bytes_total{job_name="digits",direction="staged"}', 500),
        ('runctl_training_position{job_name="digits",metric="lo\\"ss"}', 100),
    ],
)
def test_a_job_that_runs(name: str, value: float) -> None:
    assert values(listed("digits", spec={"budget": 4.0}))[name] == pytest.approx(value)


def test_costs_are_those_of_the_listing() -> None:
    job = listed("digits")
    assert job.facts is not None
    found = values(job)
    assert found['runctl_cost_accumulated_usd{job_name="digits"}'] == job.facts.cost.total.usd > 0
    assert found['runctl_cost_rate_usd_per_hour{job_name="digits"}'] == job.facts.cost.hour.usd > 0


def test_a_run_that_has_ended_has_no_heartbeat_and_no_machine() -> None:
    found = values(listed("digits", phase="failed", ended_at=ago(60)))
    assert found["runctl_training_jobs_failed_total"] == 1
    assert found['runctl_run_active{job_name="digits"}'] == 0
    names = {name.partition("{")[0] for name in found}
    assert not names & {
        "runctl_heartbeat_age_seconds",
        "runctl_checkpoint_age_seconds",
        "runctl_machine_cpu_ratio",
        "runctl_gpu_use_ratio",
    }
    assert "runctl_training_metric" in names, "its last values remain"


def test_without_a_checkpoint_its_age_is_that_of_the_machine() -> None:
    none = {"count": 0, "last": None, "last_at": None}
    name = 'runctl_checkpoint_age_seconds{job_name="digits"}'
    assert values(listed("digits", checkpoints=none))[name] == 4400
    assert values(listed("digits", checkpoints=none, machines=[]))[name] == 7200


def test_the_wait_for_capacity_counts_from_the_first_refusal() -> None:
    refused = RefusedPlace(
        instance_type="t3.micro",
        market="spot",
        zone="us-east-1a",
        subnet="s",
        code="x",
        reason="y",
        at=ago(7000),
    )
    job = listed("digits", machines=[machine("i-1", 6000, 10)])
    assert job.facts is not None
    facts = RunFacts(stack_config(trail=(refused,)), job.facts.status, NOW)
    found = values(ListedJob(job.summary, facts))
    assert found['runctl_queue_seconds{job_name="digits"}'] == 1000


def test_jobs_of_which_little_is_known() -> None:
    summary = JobSummary("digits", None, None, busy=False)
    unreadable = unreadable_status("r1", "it is no JSON")
    found = values(
        ListedJob(summary, problem="never set up"),
        ListedJob(summary, RunFacts(stack_config(), unreadable, NOW), problem="it is no JSON"),
        ListedJob(summary, RunFacts(stack_config(), None, NOW)),
    )
    assert found['runctl_jobs{phase="unknown"}'] == 2
    assert found['runctl_jobs{phase="starting"}'] == 1
    assert 'runctl_heartbeat_age_seconds{job_name="digits"}' not in found


def test_what_alerts_and_dashboard_ask_for_is_exported() -> None:
    shipped = files("runctl_auto.observe.metrics") / "monitoring"
    exported = {each.name for each in families([listed("digits", spec={"budget": 1})])} | OWN
    alerts = (shipped / "runctl-alerts.yml").read_text(encoding="utf-8")
    dashboard: dict[str, Any] = json.loads((shipped / "runctl-dashboard.json").read_text(encoding="utf-8"))
    asked = set(re.findall(r"\brunctl_[a-z_]+", alerts + json.dumps(dashboard)))
    assert asked - exported == set()
    assert len(asked) > 20

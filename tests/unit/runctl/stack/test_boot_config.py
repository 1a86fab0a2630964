"""What a machine is told at its boot, and what of that makes it another machine."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from support.digits_configs import ACCOUNT, BEGAN, NAMES, digits_config, digits_in_a_group

from runctl_auto.agent.spec import spec_digest
from runctl_auto.job_file.spec import Retry
from runctl_auto.job_file.storage import Artifacts, Checkpoints, DataSource, Volume
from runctl_auto.stack.boot_config import end_after_seconds, group_name, user_data_config
from runctl_auto.stack.cloud_run_spec import run_spec
from runctl_auto.stack.config import StackConfig


@pytest.fixture
def config() -> StackConfig:
    return digits_config()


@pytest.fixture
def grouped() -> StackConfig:
    return digits_in_a_group()


def test_user_data_names_the_agent_and_ends_the_machine_after_the_agent_should_have(
    config: StackConfig,
) -> None:
    assert user_data_config(config, NAMES) == {
        "job": "digits",
        "run": "abc",
        "region": "eu-west-1",
        "bucket": NAMES.bucket(),
        "account": ACCOUNT,
        "agent": {"key": "agent/agent-hash.pyz", "sha256": "agent-hash"},
        "spec_key": "runs/abc/spec.json",
        "spec_sha256": spec_digest({**run_spec(config), "volumes": [{"name": "data", "mount": "/data"}]}),
        "mounts": hashlib.sha256(b'{"data": "/data"}').hexdigest()[:12],
        "market": "spot",
        "deadline_seconds": 4200,
    }


def test_what_may_change_during_a_run_leaves_the_user_data_as_it_is(config: StackConfig) -> None:
    """Other user data is another machine."""
    changes = {
        "budget": 9.0,
        "retry": Retry(on_events=("error",), max_attempts=9),
        "idle_duration": 60,
        "background": "wait",
        "checkpoints": Checkpoints(path="elsewhere", every=5, keep=1, retention=60),
        "artifacts": Artifacts(paths=("other/",)),
        "tags": {"team": "vision"},
    }
    changed = replace(config, job=config.job.model_copy(update=changes))
    assert run_spec(changed) != run_spec(config)
    assert user_data_config(changed, NAMES) == user_data_config(config, NAMES)


def test_a_run_that_is_traced_has_the_user_data_of_one_that_is_not(config: StackConfig) -> None:
    traced = replace(config, trace=f"00-{'a' * 32}-{'b' * 16}-01")
    assert run_spec(traced) == {**run_spec(config), "trace": {"parent": traced.trace}}
    assert "trace" not in run_spec(config)
    assert user_data_config(traced, NAMES) == user_data_config(config, NAMES)
    assert StackConfig.from_values(traced.to_values()) == traced


@pytest.mark.parametrize(
    "changes",
    [
        {"run": "other"},
        {"setup": "other"},
        {"shell": "sh"},
        {"env": {"SEED": "2"}},
        {"secrets": ("TOKEN",)},
        {"data": (DataSource(source="s3://sets/a", path="data"),)},
        {"volumes": (Volume(name="data", size=1, mount="/other"),)},
    ],
    ids=lambda value: next(iter(value)),
)
def test_the_digest_in_the_user_data_covers_what_runs(config: StackConfig, changes: dict[str, Any]) -> None:
    changed = replace(config, job=config.job.model_copy(update=changes))
    digests = {user_data_config(each, NAMES)["spec_sha256"] for each in (config, changed)}
    assert len(digests) == 2


def test_without_a_max_duration_there_is_no_deadline(config: StackConfig) -> None:
    unlimited = replace(config, job=config.job.model_copy(update={"max_duration": None}))
    assert user_data_config(unlimited, NAMES)["deadline_seconds"] is None


def test_without_a_max_duration_there_is_no_time_to_end_at(config: StackConfig) -> None:
    unlimited = replace(config, job=config.job.model_copy(update={"max_duration": None}))
    assert end_after_seconds(replace(unlimited, end_schedule=True)) is None
    assert end_after_seconds(config) is None


def test_of_several_machines_each_knows_its_number_and_its_market(config: StackConfig) -> None:
    job = config.job.model_copy(update={"nodes": 3, "on_demand_ranks": (0,), "volumes": ()})
    place = replace(config.placement, market="spot", price_hour=0.02, on_demand_hour=0.08)
    several = replace(config, job=job, placement=place)
    boots = [user_data_config(several, NAMES, node) for node in range(3)]
    assert [(boot.get("node"), boot["market"]) for boot in boots] == [
        (0, "on-demand"),
        (1, "spot"),
        (2, "spot"),
    ]
    assert len({boot["spec_sha256"] for boot in boots}) == 1, "they run the same"
    spec = run_spec(several)
    assert spec["nodes"] == 3
    assert spec["limits"]["price_hour"] == pytest.approx((0.08 + 2 * 0.02) / 3)
    assert spec["limits"]["prices"] == {"m5.large spot": 0.02, "m5.large on-demand": 0.08}
    assert "node" not in user_data_config(config, NAMES), "a machine alone has the user data that it had"


def test_the_machine_knows_its_group_and_the_runs_latest_end(
    grouped: StackConfig, config: StackConfig
) -> None:
    boot = user_data_config(grouped, NAMES)
    assert boot["group"] == group_name(grouped, NAMES)
    assert boot["ends_at"] == grouped.ends_at == BEGAN + 3600 + 1200
    single = user_data_config(config, NAMES)
    assert {key: boot[key] for key in single} == single  # type: ignore[literal-required]
    assert "group" not in single


def test_waiting_for_capacity_is_beyond_max_duration_only_as_the_file_says(grouped: StackConfig) -> None:
    retry = Retry.model_validate({"duration": "2h"})
    waits = replace(grouped, job=grouped.job.model_copy(update={"retry": retry}))
    assert waits.ends_at == BEGAN + 3 * 3600 + 1200
    endless = replace(grouped, job=grouped.job.model_copy(update={"max_duration": None}))
    assert endless.ends_at is None
    assert "ends_at" not in user_data_config(endless, NAMES)


def test_what_would_replace_an_instance_is_another_group(grouped: StackConfig) -> None:
    name = group_name(grouped, NAMES)
    place, group = grouped.placement, grouped.group
    assert group is not None
    for other in (
        replace(grouped, run=replace(grouped.run, id="def")),
        replace(grouped, placement=replace(place, image="ami-2")),
        replace(grouped, placement=replace(place, market="on-demand")),
        replace(grouped, placement=replace(place, disk_gb=99)),
    ):
        assert group_name(other, NAMES) != name
    for same in (
        replace(grouped, placement=replace(place, price_hour=9.0)),
        replace(grouped, group=replace(group, subnets=("subnet-9",), prices={"c5.large": 1.0})),
        replace(grouped, job=grouped.job.model_copy(update={"tags": {"team": "vision"}, "budget": 1.0})),
    ):
        assert group_name(same, NAMES) == name

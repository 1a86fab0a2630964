"""The configuration of a stack: what the driver writes, the program reads."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.job_stacks import stack_config

from runctl_auto.errors import ProgramError
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.protection.wanted import wanted_protection
from runctl_auto.run.identity import RunIdentity
from runctl_auto.stack.config import GroupChoice, Placement, Protection, StackConfig

JOB: dict[str, Any] = {
    "name": "digits",
    "region": "us-east-1",
    "run": "python train.py",
    "volumes": [
        {"name": "data", "size": "1GB", "mount": "/data", "protect": True},
        {"name": "cache", "size": "1GB", "mount": "/cache"},
    ],
}


@pytest.fixture
def config() -> StackConfig:
    return StackConfig(
        job=JobSpec.model_validate(JOB),
        run=RunIdentity("abc", 2, "first", "code", "agent"),
        placement=Placement(
            account="123456789012",
            partition="aws",
            region="us-east-1",
            zone="us-east-1a",
            vpc="vpc-1",
            subnet="subnet-1",
            image="ami-1",
            instance_type="m5.large",
            market="spot",
            price_hour=0.05,
        ),
        owner='Ada "the first" Ünal',
        protection=Protection(volumes={"data": True}),
    )


def test_what_is_written_reads_back_the_same(config: StackConfig) -> None:
    values = config.to_values()
    assert StackConfig.from_values(values) == config
    assert all(json.dumps(json.loads(value)) for value in values.values())


def test_the_same_configuration_is_the_same_text(config: StackConfig) -> None:
    assert StackConfig.from_values(config.to_values()).to_values() == config.to_values()


@pytest.mark.parametrize("key", ["job", "run", "placement", "owner", "protection"])
def test_a_missing_value_is_named_with_what_to_do(config: StackConfig, key: str) -> None:
    values = config.to_values()
    del values[f"runctl:{key}"]
    with pytest.raises(ProgramError, match=f"runctl:{key}") as raised:
        StackConfig.from_values(values)
    assert "runctl up" in str(raised.value.next_step)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("job", "{}"),
        ("job", "not json"),
        ("run", '{"id": "abc"}'),
        ("run", "[]"),
        ("placement", '{"account": "1"}'),
        ("placement", '{"surprise": 1}'),
        ("owner", "7"),
        ("protection", '{"volumes": {"data": "perhaps"}}'),
    ],
)
def test_a_value_that_cannot_be_read_is_named(config: StackConfig, key: str, value: str) -> None:
    with pytest.raises(ProgramError, match=f"runctl:{key}"):
        StackConfig.from_values({**config.to_values(), f"runctl:{key}": value})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Protection(volumes={"data": True, "cache": False}, bucket=False)),
        ({"artifacts": {"keep": True}}, Protection(volumes={"data": True, "cache": False}, bucket=True)),
        (
            {"tags": {"runctl:protected": "true"}},
            Protection(volumes={"data": True, "cache": True}, bucket=True),
        ),
        (
            {"tags": {"runctl:protected": "no"}},
            Protection(volumes={"data": True, "cache": False}, bucket=False),
        ),
    ],
)
def test_what_a_job_asks_to_be_protected(changes: dict[str, Any], expected: Protection) -> None:
    assert wanted_protection(JobSpec.model_validate({**JOB, **changes})) == expected


def test_a_volume_that_nothing_is_said_about_is_not_protected() -> None:
    assert Protection().of_volume("data") is False


def test_a_configuration_from_before_there_were_boundaries_has_none(config: StackConfig) -> None:
    values = config.to_values()
    del values["runctl:boundary"]
    assert StackConfig.from_values(values).permissions_boundary is None
    del values["runctl:schedule"]
    assert StackConfig.from_values(values).end_schedule is False


PRICES = st.dictionaries(
    st.from_regex(r"[a-z][0-9]\.[a-z]{1,8}", fullmatch=True),
    st.one_of(st.none(), st.floats(0.001, 99)),
    min_size=1,
)


@given(PRICES)
def test_a_group_reads_back_the_same_with_its_types_in_order(prices: dict[str, float | None]) -> None:
    group = GroupChoice(prices=prices, subnets=("subnet-2", "subnet-1"), root_device="/dev/sda1", began_at=7)
    read = StackConfig.from_values(stack_config(group=group).to_values()).group
    assert read == group
    assert read is not None
    assert read.instance_types == tuple(prices)
    known = [price for price in prices.values() if price is not None]
    assert group.dearest[1] == (max(known) if len(known) == len(prices) else None)


def test_a_configuration_from_before_there_were_groups_has_none() -> None:
    values = stack_config().to_values()
    del values["runctl:group"]
    assert StackConfig.from_values(values).group is None

"""A group without a machine goes to the other market that its job allows, or is given up."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from support.job_stacks import group_state, job_spec, offers, placement, resource, stack_config, stack_state
from support.sessions import fake_provider, fake_session

from runctl_auto.engine.driver import Driver
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import NoCapacityError
from runctl_auto.job_file.job_file import JobFile
from runctl_auto.jobs.follow.follow import Starved
from runctl_auto.jobs.lost_machine.starved_group import CAPACITY_SECONDS, FeedGroup, capacity_seconds
from runctl_auto.providers.contract import Launch
from runctl_auto.stack.config import GroupChoice, StackConfig
from runctl_auto.stack.trail import RefusedPlace, trail_json

AT = datetime(2026, 11, 30, tzinfo=timezone.utc)
CODE = "InsufficientInstanceCapacity"
FAILED = Launch("1", AT, failure=f"{CODE} - no", code=CODE, zone="us-east-1b", subnet="subnet-1")
FULL = Starved((FAILED,))
CHOICE = GroupChoice(
    prices={"t3.micro": 0.01}, subnets=("subnet-1",), root_device="/dev/xvda", began_at=4_000_000_000
)


def config_of(policy: str, market: Any = "spot", **job: Any) -> StackConfig:
    spec = job_spec(recovery="cloud", spot_policy=policy, max_duration="1h", **job)
    return stack_config(job=spec, group=CHOICE, placement=placement(market=market))


@pytest.mark.parametrize(
    ("config", "seconds"),
    [
        (config_of("spot"), CAPACITY_SECONDS),
        (config_of("spot", retry={"duration": "2h"}), 7200),
        (config_of("auto", retry={"duration": "2h"}), CAPACITY_SECONDS),
        (config_of("auto", "on-demand", retry={"duration": "2h"}), 7200),
    ],
)
def test_the_last_market_is_waited_for_as_long_as_the_file_says(config: StackConfig, seconds: float) -> None:
    assert capacity_seconds(config) == seconds


@pytest.fixture
def stack() -> Any:
    made = create_autospec(JobStack, instance=True)
    made.state.return_value = stack_state(
        group_state("g"), resource("aws:iam/role:Role", "digits-iam-role", "role")
    )
    made.unfinished.return_value = ()
    made.broken_creations = ()
    return made


def feed(stack: Any, config: StackConfig, provider: Any, file: Any, folder: Path) -> StackConfig:
    driver = create_autospec(Driver, instance=True)
    driver.open.return_value = stack
    stack.config.return_value = config.to_values()
    session = fake_session(folder, driver=driver, provider=provider)
    return FeedGroup(session.job("digits"), file, config, FULL).run()


@pytest.fixture
def file() -> Any:
    return create_autospec(JobFile, instance=True)


def test_spot_without_capacity_becomes_on_demand_with_the_same_end(
    tmp_path: Path, stack: Any, file: Any
) -> None:
    provider = fake_provider()
    provider.offers.side_effect = None
    dear = placement(market="on-demand", price_hour=0.02, subnet="subnet-2")
    provider.offers.return_value = offers(placement(), placement(subnet="subnet-9"), dear)
    before = config_of("auto")
    fed = feed(stack, before, provider, file, tmp_path)
    assert fed.placement == dear
    assert fed.group is not None
    assert (fed.group.subnets, fed.ends_at) == (("subnet-2",), before.ends_at)
    stack.set_config.assert_called_with(fed.to_values())
    assert stack.up.called
    assert [(each.zone, each.code, each.market) for each in fed.trail] == [("us-east-1b", CODE, "spot")]
    assert not provider.end_group.called


@pytest.mark.parametrize("config", [config_of("spot"), config_of("auto", "on-demand")])
def test_without_another_market_it_is_given_up_and_wants_no_machine(
    tmp_path: Path, stack: Any, file: Any, config: StackConfig
) -> None:
    provider = fake_provider()
    provider.offers.side_effect = None
    provider.offers.return_value = offers(placement(), placement(market="on-demand"))
    with pytest.raises(NoCapacityError, match="got no machine: InsufficientInstanceCapacity") as caught:
        feed(stack, replace(config), provider, file, tmp_path)
    assert caught.value.exit_code == 6
    refused = RefusedPlace(
        instance_type="t3.micro",
        market=config.placement.market,
        zone="us-east-1b",
        subnet="subnet-1",
        code=CODE,
        reason=f"{CODE} - no",
        at="2026-11-30T00:00:00Z",
    )
    assert list(caught.value.trail) == trail_json([refused])
    assert caught.value.code == CODE
    stack.set_config.assert_called_with(replace(config, trail=(refused,)).to_values())
    provider.end_group.assert_called_once_with("g")
    assert not stack.up.called

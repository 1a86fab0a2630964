"""What several machines of one job are made of."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from support.training_environments import declared, environment_args, with_machine

from components.training_environment import (
    NodeRequest,
    TrainingEnvironmentArgs,
)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

INSTANCE = "aws:ec2/instance:Instance"
PLACEMENT_GROUP = "aws:ec2/placementGroup:PlacementGroup"
GROUP = "digits-network-group"


@pytest.fixture
def args(tmp_path: Path) -> TrainingEnvironmentArgs:
    one = environment_args(tmp_path)
    nodes = [
        NodeRequest(user_data="zero", market="on-demand"),
        NodeRequest(user_data="one", market="spot"),
        NodeRequest(user_data="two", market="spot"),
    ]
    several = with_machine(replace(one, volumes=[]), nodes=nodes, end_after_seconds=4800)
    return replace(several, limits=replace(one.limits, nodes=3))


def test_each_machine_has_its_own_user_data_market_and_names_in_one_subnet(
    args: TrainingEnvironmentArgs,
) -> None:
    found = declared(args)
    machines = found.of_type(INSTANCE)
    assert [each.name for each in machines] == [f"digits-node-{node}-instance" for node in range(3)]
    assert [each.inputs["userData"] for each in machines] == ["zero", "one", "two"]
    assert ["instanceMarketOptions" in each.inputs for each in machines] == [False, True, True]
    assert {each.inputs["subnetId"] for each in machines} == {"subnet-1"}
    templates = {found.named(f"digits-node-{node}-template").inputs["name"] for node in range(3)}
    assert len(templates) == 3


def test_the_cloud_ends_each_of_them_by_a_schedule_of_its_own(args: TrainingEnvironmentArgs) -> None:
    found = declared(args)
    for node in range(3):
        target = found.named(f"digits-end-{node}-schedule").inputs["target"]
        assert json.loads(target["input"]) == {"InstanceIds": [f"digits-node-{node}-instance-id"]}
    names = {found.named(f"digits-end-{node}-role").inputs["name"] for node in range(3)}
    assert len(names) == 3


def test_they_reach_each_other_and_nobody_else_reaches_them(args: TrainingEnvironmentArgs) -> None:
    group = declared(args).named(GROUP).inputs
    inside = {"protocol": "-1", "fromPort": 0, "toPort": 0, "self": True}
    (rule,) = group["ingress"]
    assert inside.items() <= rule.items()
    assert not rule.get("cidrBlocks")
    assert [each for each in group["egress"] if each.get("self")] == [rule]
    alone = declared(replace(args, limits=replace(args.limits, nodes=1), machine=None)).named(GROUP).inputs
    assert alone["ingress"] == []
    assert alone["name"] != group["name"], "a group in use is not changed"


def test_an_ended_run_has_none(args: TrainingEnvironmentArgs) -> None:
    assert declared(replace(args, machine=None)).of_type(INSTANCE) == []


def test_machines_that_are_to_be_close_to_each_other_are_in_a_placement_group(
    args: TrainingEnvironmentArgs,
) -> None:
    assert args.machine is not None
    close = replace(args, machine=replace(args.machine, cluster=True))
    found = declared(close)
    (group,) = found.of_type(PLACEMENT_GROUP)
    assert group.inputs["strategy"] == "cluster"
    assert {each.inputs["placementGroup"] for each in found.of_type(INSTANCE)} == {group.inputs["name"]}
    elsewhere = declared(replace(close, zone="us-east-1f")).of_type(PLACEMENT_GROUP)[0]
    assert elsewhere.inputs["name"] != group.inputs["name"], "the machines of a group are in one zone"
    assert declared(replace(close, machine=None)).of_type(PLACEMENT_GROUP) == []


def test_others_are_in_none(args: TrainingEnvironmentArgs) -> None:
    found = declared(args)
    assert found.of_type(PLACEMENT_GROUP) == []
    assert not any("placementGroup" in each.inputs for each in found.of_type(INSTANCE))

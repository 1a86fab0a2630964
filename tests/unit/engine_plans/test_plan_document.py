"""Plans as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.engine.deploy.goal import Alias
from sandbox.engine.deploy.plans.document import PlanFormatError, decode_plan, encode_plan
from sandbox.engine.deploy.plans.plan import Plan, PlannedGoal, PropertyChanges, ResourcePlan
from sandbox.engine.model import CustomTimeouts, Manifest, Op
from sandbox.engine.properties import COMPUTED, UNKNOWN_TEXT, Secret

GOAL = PlannedGoal(
    "k:index:T",
    "a",
    True,
    PropertyChanges({"s": Secret("hush"), "u": COMPUTED}, ("gone",), {"n": 2}),
    PropertyChanges({"o": 1}),
    parent="urn:parent",
    dependencies=("urn:d",),
    property_dependencies={"n": ["urn:d"]},
    delete_before_replace=False,
    aliases=(Alias(name="old", no_parent=True),),
    timeouts=CustomTimeouts(create=300),
)
PLAN = Plan(
    {"urn:a": ResourcePlan(GOAL, [Op.UPDATE], {"o": 1}, b"seed"), "urn:b": ResourcePlan(None, [Op.DELETE])},
    Manifest("2030-01-01T00:00:00Z", "m", "v3"),
    {"p:k": {"secure": "v1:x"}},
)


def hidden(text: str) -> str:
    return text[::-1]


def test_a_plan_is_read_as_it_was_written() -> None:
    document = json.loads(json.dumps(encode_plan(PLAN, hidden)))
    assert decode_plan(document, hidden) == PLAN


def test_secrets_are_encrypted_and_defaults_left_out() -> None:
    document = encode_plan(PLAN, hidden)
    assert "hush" not in json.dumps(document)
    goal: dict[str, Any] = document["resourcePlans"]["urn:a"]["goal"]
    assert goal["inputDiff"]["adds"]["u"] == UNKNOWN_TEXT
    assert goal["inputDiff"]["deletes"] == ["gone"]
    assert goal["structuredAliases"][0]["Name"] == "old"
    assert goal["customTimeouts"] == {"create": 300}
    assert goal["deleteBeforeReplace"] is False
    assert "ignoreChanges" not in goal
    assert document["resourcePlans"]["urn:b"] == {"steps": ["delete"], "state": None}


@pytest.mark.parametrize(
    "document",
    [
        [],
        "x",
        {"resourcePlans": {"u": {"steps": ["fly"]}}},
        {"resourcePlans": {"u": {"goal": {"name": "a"}}}},
    ],
)
def test_what_is_no_plan_is_told(document: Any) -> None:
    with pytest.raises(PlanFormatError, match="malformed"):
        decode_plan(document, hidden)


def test_using_up_a_plan_leaves_the_original() -> None:
    copied = PLAN.copied()
    copied.resources["urn:a"].ops.clear()
    assert PLAN.resources["urn:a"].ops == [Op.UPDATE]

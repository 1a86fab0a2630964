"""What a plan allows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.engine.deploy.goal import Alias, Goal
from sandbox.engine.deploy.plans.constraints import allows, changes_violation, goal_violation
from sandbox.engine.deploy.plans.plan import PlannedGoal, PropertyChanges
from sandbox.engine.model import CustomTimeouts, Op
from sandbox.engine.properties import COMPUTED, Secret

GOAL = Goal("k:index:T", "a", custom=True, provider="urn:p::id")
PLANNED = PlannedGoal.of(GOAL, PropertyChanges())

VALUES = st.one_of(st.none(), st.booleans(), st.integers(0, 3), st.sampled_from(["a", "b"]))
MAPS = st.dictionaries(st.sampled_from("xyz"), VALUES)


def violation(planned: PropertyChanges, old: dict[str, Any], new: dict[str, Any]) -> str:
    return (changes_violation(planned, old, new) or "").removeprefix("properties changed: ")


@settings(max_examples=100)
@given(MAPS, MAPS)
def test_what_was_planned_is_allowed(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert changes_violation(PropertyChanges.between(old, new), old, new) is None


@settings(max_examples=100)
@given(MAPS, MAPS)
def test_without_planned_changes_only_the_same_values_are_allowed(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    changed = PropertyChanges.between(old, new) != PropertyChanges()
    assert (changes_violation(PropertyChanges(), old, new) is not None) == changed


@pytest.mark.parametrize(
    ("planned", "old", "new", "told"),
    [
        (PropertyChanges(adds={"v": 1}), {}, {"v": 2}, "++v[{1}!={2}]"),
        (PropertyChanges(adds={"v": 1}), {}, {}, "+-v[{1}]"),
        (PropertyChanges(adds={"v": 1}), {"v": 3}, {"v": 1}, ""),
        (PropertyChanges(updates={"v": 2}), {"v": 1}, {"v": 1}, "~=v[{2}!={1}]"),
        (PropertyChanges(updates={"v": 2}), {}, {"v": 2}, "~+v[{2}!={2}]"),
        (PropertyChanges(updates={"v": 2}), {"v": 1}, {}, "~-v[{2}]"),
        (PropertyChanges(deletes=("v",)), {"v": 1}, {"v": 1}, "-=v[{1}]"),
        (PropertyChanges(deletes=("v",)), {}, {}, ""),
        (PropertyChanges(), {"v": 1, "w": 1}, {"w": "x"}, "=-v, =~w[{x}]"),
        (PropertyChanges(adds={"v": COMPUTED}), {}, {"v": [1]}, ""),
        (PropertyChanges(adds={"v": COMPUTED}), {}, {}, ""),
        (PropertyChanges(updates={"v": {"a": COMPUTED}}), {"v": {}}, {"v": {"a": 5}}, ""),
    ],
)
def test_differences_tell_what_was_expected_and_what_is(
    planned: PropertyChanges, old: dict[str, Any], new: dict[str, Any], told: str
) -> None:
    assert violation(planned, old, new) == told


def test_secrets_are_not_told() -> None:
    told = violation(PropertyChanges(adds={"v": Secret("plan-hush")}), {}, {"v": Secret("program-hush")})
    assert told == "++v[{[secret]}!={[secret]}]"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, None),
        ({"custom": False}, "resource kind changed (expected custom)"),
        ({"provider": "urn:p::other"}, "provider changed (expected urn:p::id)"),
        ({"parent": "urn:x"}, "parent changed (expected )"),
        ({"protect": True}, "protect changed (expected false)"),
        ({"protect": False}, None),
        ({"delete_before_replace": True}, "deleteBeforeReplace changed (expected no value)"),
        ({"import_id": "i-1"}, "importID changed (expected )"),
        ({"custom_timeouts": CustomTimeouts(update=5)}, "update timeout changed (expected 0)"),
        ({"ignore_changes": ("a", "b")}, "ignoreChanges changed: added a, b"),
        ({"dependencies": ("urn:d",)}, "dependencies changed: added urn:d"),
        ({"aliases": (Alias(name="old"),)}, "aliases changed: added { old     false}"),
    ],
)
def test_options_are_as_planned(changes: dict[str, Any], told: str | None) -> None:
    assert goal_violation(PLANNED, replace(GOAL, **changes), {}, {}) == told


def test_a_provider_that_was_unknown_may_get_any_id() -> None:
    planned = replace(PLANNED, provider="urn:p::04da6b54-80e4-46f7-96ec-b56ff0331ba9")
    assert goal_violation(planned, GOAL, {}, {}) is None
    assert goal_violation(planned, replace(GOAL, provider="urn:q::id"), {}, {}) is not None


def test_what_was_to_go_must_not_stay() -> None:
    assert goal_violation(None, GOAL, {}, {}) == "resource unexpectedly not deleted"


def test_milder_steps_are_allowed() -> None:
    assert allows(Op.REPLACE, Op.UPDATE)
    assert allows(Op.UPDATE, Op.SAME)
    assert allows(Op.DELETE, Op.DELETE)
    assert not allows(Op.SAME, Op.UPDATE)
    assert not allows(Op.UPDATE, Op.REPLACE)
    assert not allows(Op.CREATE, Op.UPDATE)
    assert not allows(Op.DELETE, Op.SAME)

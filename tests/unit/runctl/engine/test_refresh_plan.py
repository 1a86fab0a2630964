"""What a refresh finds: what the program sets and somebody has changed, and no secret."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.automation.events import EngineEvent

from runctl_auto.engine.automation_edge import drift_in
from runctl_auto.engine.refresh_plan import Difference, differences

URN = "urn:pulumi:digits::runctl::aws:ebs/volume:Volume::digits-data-volume"


def found(was: dict[str, Any], now: dict[str, Any], inputs: dict[str, Any] | None = None) -> list[Difference]:
    return list(differences(was if inputs is None else inputs, {}, was, now))


def test_a_changed_property_is_told_with_what_it_was_and_is() -> None:
    assert found({"size": 100, "type": "gp3"}, {"size": 200, "type": "gp3"}) == [
        Difference("size", "100", "200")
    ]


def test_changes_inside_of_maps_and_lists_have_a_path() -> None:
    was = {"tags": {"team": "nlp", "a": "1"}, "rules": [{"port": 22}]}
    now = {"tags": {"team": "cv", "b": "2"}, "rules": [{"port": 23}]}
    assert [(each.property, each.was, each.now) for each in found(was, now)] == [
        ("rules[0].port", "22", "23"),
        ("tags.a", "1", None),
        ("tags.b", None, "2"),
        ("tags.team", "nlp", "cv"),
    ]


def test_a_tag_that_differs_is_told_once() -> None:
    was, now = {"team": "nlp"}, {"team": "cv"}
    told = found({"tags": was, "tagsAll": {**was, "a": "1"}}, {"tags": now, "tagsAll": now})
    assert [each.property for each in told] == ["tags.team", "tagsAll.a"]


def test_what_the_provider_computes_is_no_drift() -> None:
    assert found({"size": 1, "arn": "a", "etag": "1"}, {"size": 1, "arn": "b"}, inputs={"size": 1}) == []


@pytest.mark.parametrize(("was", "now"), [(None, []), ({}, None), ([], {})])
def test_nothing_is_nothing_however_it_is_written(was: Any, now: Any) -> None:
    assert found({"tags": was}, {"tags": now}) == []


def test_a_secret_is_told_as_one_and_never_shown() -> None:
    assert found({"value": "[secret]"}, {"value": "plain"}) == [Difference("value", None, None, secret=True)]
    [inside] = found({"env": ["[secret]"]}, {"env": ["[secret]", "more"]})
    assert (inside.was, inside.now) == ("[secret]", "[secret]")


def test_a_long_value_is_cut() -> None:
    [each] = found({"userData": "a" * 9000}, {"userData": "b"})
    assert len(each.was or "") < 400


def event(op: str, new: dict[str, Any] | None, **old: Any) -> EngineEvent:
    state = {"urn": URN, "type": "aws:ebs/volume:Volume", "id": "vol-1", "custom": True, **old}
    metadata = {"op": op, "urn": URN, "type": "aws:ebs/volume:Volume", "old": state, "new": new}
    return EngineEvent.from_json(
        {"sequence": 1, "timestamp": 1, "resOutputsEvent": {"metadata": metadata, "planning": True}}
    )


def test_events_of_a_refresh_tell_of_resources_that_are_gone_or_changed() -> None:
    gone = drift_in(event("delete", None, protect=True))
    assert gone is not None
    assert (gone.kind, gone.name, gone.id, gone.protected) == ("gone", "digits-data-volume", "vol-1", True)
    new = {"urn": URN, "type": "aws:ebs/volume:Volume", "id": "vol-1", "outputs": {"size": 2}}
    changed = drift_in(event("update", new, inputs={"size": 1}, outputs={"size": 1}))
    assert changed is not None
    assert changed.differences == (Difference("size", "1", "2"),)
    same = {**new, "outputs": {"size": 1}}
    assert drift_in(event("update", same, inputs={"size": 1}, outputs={"size": 1})) is None
    assert drift_in(event("same", new, inputs={"size": 1}, outputs={"size": 1})) is None
    assert drift_in(event("delete", None, custom=False)) is None

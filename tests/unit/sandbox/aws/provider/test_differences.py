"""Values that mean the same are no difference; those that do not, are, whatever their order."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.aws.provider.diffing import differences
from sandbox.aws.provider.same_value import same
from sandbox.aws.provider.schema import Change, Field, Kind, ignored, replaces, updates
from sandbox.aws.provider.wire import UNKNOWN, Asset

RULES = updates(Kind.OBJECT_SET, fields={"id": updates(), "size": updates(Kind.INTEGER, computed=True)})


def policy(statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@pytest.mark.parametrize(
    ("field", "left", "right"),
    [
        (updates(), None, ""),
        (updates(Kind.MAP), {}, None),
        (updates(Kind.BOOLEAN), None, False),
        (updates(Kind.INTEGER), "3", 3),
        (updates(Kind.SET), ["a", "b"], ["b", "a"]),
        (updates(Kind.POLICY), policy([{"Action": ["a"]}]), policy([{"Action": "a"}]).replace(" ", "")),
        (updates(Kind.POLICY), policy([{"Action": ["a", "b"]}]), policy([{"Action": ["b", "a"]}])),
        (updates(Kind.ASSET), Asset("h", text="1"), Asset("h", path="/2")),
        (RULES, [{"id": "a"}, {"id": "b"}], [{"id": "b", "size": 2}, {"id": "a", "size": 1}]),
    ],
)
def test_the_same(field: Field, left: Any, right: Any) -> None:
    assert same(field, left, right)


@pytest.mark.parametrize(
    ("field", "left", "right"),
    [
        (updates(), "a", None),
        (updates(Kind.LIST), ["a", "b"], ["b", "a"]),
        (updates(Kind.SET), ["a"], ["a", "a"]),
        (updates(Kind.POLICY), policy([{"Action": "a"}]), policy([{"Action": "b"}])),
        (updates(Kind.POLICY), "no json", policy([])),
        (updates(Kind.ASSET), Asset("h", text="1"), Asset("i", text="1")),
        (updates(Kind.ASSET), Asset("", text="1"), Asset("", text="2")),
        (RULES, [{"id": "a"}, {"id": "a"}], [{"id": "a"}, {"id": "b"}]),
        (RULES, [{"id": "a", "size": 1}], [{"id": "a", "size": 2}]),
        (RULES, [{"id": "a"}], []),
    ],
)
def test_not_the_same(field: Field, left: Any, right: Any) -> None:
    assert not same(field, left, right)


FIELDS = {
    "name": replaces(computed=True),
    "text": updates(),
    "noise": ignored(),
    "tags": updates(Kind.MAP),
    "options": updates(
        Kind.OBJECT,
        computed=True,
        fields={"one": updates(), "new": replaces(), "auto": updates(computed=True)},
    ),
}


def paths(state: dict[str, Any], wanted: dict[str, Any], *ignored_paths: str) -> dict[str, Change]:
    return {one.path: one.change for one in differences(FIELDS, state, wanted, ignored_paths)}


def test_what_the_cloud_computes_is_its_own() -> None:
    assert paths({"name": "given", "options": {"one": "1"}}, {}) == {}


def test_what_is_no_longer_wanted_or_came_by_itself_is_a_difference() -> None:
    assert paths({"text": "x", "tags": {"a": "1"}}, {}) == {"text": Change.UPDATE, "tags": Change.UPDATE}


def test_parts_of_objects_are_told_one_by_one() -> None:
    state = {"options": {"one": "1", "new": "n", "auto": "a"}}
    assert paths(state, {"options": {"one": "2", "new": "m"}}) == {
        "options.one": Change.UPDATE,
        "options.new": Change.REPLACE,
    }


def test_what_is_unknown_differs() -> None:
    assert paths({"name": "n", "text": "t"}, {"name": UNKNOWN, "text": UNKNOWN}) == {
        "name": Change.REPLACE,
        "text": Change.UPDATE,
    }


def test_what_asks_for_nothing_is_not_told() -> None:
    assert paths({"noise": "1"}, {"noise": "2"}) == {}


def test_ignored_paths_are_not_told() -> None:
    state, wanted = {"text": "1", "tags": {"a": "1", "b": "1"}}, {"text": "2", "tags": {"a": "2", "b": "2"}}
    assert paths(state, wanted, "text", "tags.a") == {"tags.b": Change.UPDATE}
    assert paths(state, wanted, "tags", "tex") == {"text": Change.UPDATE}


TEXTS = st.text(max_size=3)
STATES = st.fixed_dictionaries(
    {},
    optional={
        "name": TEXTS,
        "text": TEXTS,
        "tags": st.dictionaries(TEXTS, TEXTS, max_size=2),
        "options": st.fixed_dictionaries({}, optional={"one": TEXTS, "new": TEXTS, "auto": TEXTS}),
    },
)


@settings(max_examples=80, deadline=None)
@given(STATES)
def test_what_is_as_wanted_never_differs(state: dict[str, Any]) -> None:
    assert paths(state, state) == {}


@settings(max_examples=80, deadline=None)
@given(STATES, STATES)
def test_taking_over_what_differs_leaves_no_difference(state: dict[str, Any], wanted: dict[str, Any]) -> None:
    changed = {path.split(".")[0].split("[")[0] for path in paths(state, wanted)}
    after = {**state, **{name: wanted.get(name) for name in changed}}
    assert paths(after, wanted) == {}

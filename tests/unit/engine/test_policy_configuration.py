"""Configuration of policy packs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.engine.deploy.policies.configuration import (
    Level,
    PolicyConfigError,
    PolicyInfo,
    Settings,
    read_config,
    reconciled,
)

HIGH = PolicyInfo("high", Level.MANDATORY, "resource", schema={"most": {"type": "integer", "default": 5}})
NAMES = PolicyInfo("names", Level.ADVISORY, "resource")


def file(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "config.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_file_may_give_levels_and_properties(tmp_path: Path) -> None:
    config = read_config(
        file(
            tmp_path, {"all": "disabled", "high": {"enforcementLevel": "advisory", "most": 7}, "x": {"a": 1}}
        )
    )
    assert config == {
        "all": Settings(Level.DISABLED),
        "high": Settings(Level.ADVISORY, {"most": 7}),
        "x": Settings(None, {"a": 1}),
    }


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    assert read_config(file(tmp_path, "  ")) == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no JSON"),
        ([], "no JSON object"),
        ({"p": "strict"}, '"strict" is not a valid enforcement level'),
        ({"p": {"enforcementLevel": 1}}, "is not a valid enforcement level"),
        ({"p": 3}, "must be a string or object"),
        ({"environments": ["x"]}, "not supported"),
    ],
)
def test_wrong_files_are_explained(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(PolicyConfigError, match=message):
        read_config(file(tmp_path, content))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyConfigError, match=r"nowhere\.json"):
        read_config(tmp_path / "nowhere.json")


def test_defaults_hold_where_nothing_is_said() -> None:
    assert reconciled([HIGH, NAMES], {}, {}) == {
        "high": Settings(Level.MANDATORY, {"most": 5}),
        "names": Settings(Level.ADVISORY, {}),
    }


def test_what_is_given_goes_over_the_packs_own_over_defaults() -> None:
    own = {"high": Settings(Level.DISABLED, {"most": 6})}
    given = {"all": Settings(Level.REMEDIATE), "high": Settings(None, {"most": 7})}
    found = reconciled([HIGH, NAMES], own, given)
    assert found["high"] == Settings(Level.REMEDIATE, {"most": 7})
    assert found["names"] == Settings(Level.REMEDIATE, {})


@pytest.mark.parametrize(
    ("schema", "value", "problem"),
    [
        ({"type": "integer"}, "x", "v: Invalid type. Expected: integer, given: string"),
        ({"type": ["string", "null"]}, 1, "v: Invalid type. Expected: string/null, given: integer"),
        ({"type": "boolean"}, 1, "v: Invalid type. Expected: boolean, given: integer"),
        ({"enum": ["a"]}, "b", 'v: Does not satisfy enum ["a"]'),
        ({"minimum": 3}, 2, "v: Does not satisfy minimum 3"),
        ({"pattern": "^a"}, "b", 'v: Does not satisfy pattern "^a"'),
        (
            {"type": "array", "items": {"type": "string"}},
            ["a", 1],
            "v.1: Invalid type. Expected: string, given: integer",
        ),
        ({"uniqueItems": True}, [1, 1], "v: Does not satisfy uniqueItems true"),
        ({"required": ["x"]}, {}, "v: x is required"),
        (
            {"properties": {"x": {"type": "string"}}},
            {"x": 1},
            "v.x: Invalid type. Expected: string, given: integer",
        ),
        ({"additionalProperties": False}, {"x": 1}, "v: Additional property x is not allowed"),
    ],
)
def test_violations_of_schemas_are_told(schema: dict[str, Any], value: Any, problem: str) -> None:
    policy = PolicyInfo("p", Level.ADVISORY, "resource", schema={"v": schema})
    with pytest.raises(PolicyConfigError) as caught:
        reconciled([policy], {}, {"p": Settings(None, {"v": value})})
    assert str(caught.value) == f"p: {problem}"


def test_what_is_required_must_be_there() -> None:
    policy = PolicyInfo("p", Level.ADVISORY, "resource", required=("v",))
    with pytest.raises(PolicyConfigError, match="p: v is required"):
        reconciled([policy], {}, {})


def test_words_of_schemas_that_are_not_known_are_refused() -> None:
    policy = PolicyInfo("p", Level.ADVISORY, "resource", schema={"v": {"oneOf": []}})
    with pytest.raises(PolicyConfigError, match="unsupported words in a policy's schema: oneOf"):
        reconciled([policy], {}, {"p": Settings(None, {"v": 1})})

"""Every command has help and a schema of its JSON output, and no schema leaves anything open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
import pytest
from support.output_schemas import (
    NOT_OF_A_COMMAND,
    PRINTS_NO_RESULT,
    check_output,
    leaves,
    problems,
    schema,
    schema_name_for,
    schema_names,
)

from runctl_auto.cli.main import cli
from runctl_auto.errors import RunctlError

COMMANDS = dict(leaves(cli))
NAMES = {"-".join(path): command for path, command in COMMANDS.items()}


def test_every_command_has_a_schema_and_every_schema_a_command() -> None:
    missing = NAMES.keys() - schema_names() - PRINTS_NO_RESULT
    assert not missing, (
        f"add docs/reference/json/{sorted(missing)[0]}.schema.json (status.schema.json is a model)"
    )
    assert schema_names() - NAMES.keys() == NOT_OF_A_COMMAND


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_command_and_every_option_says_what_it_is_for(name: str) -> None:
    command = NAMES[name]
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.help, f"{name}: {parameter.opts[0]} has no help"


@pytest.mark.parametrize("name", sorted(schema_names()))
def test_a_schema_is_one_and_pins_every_key(name: str) -> None:
    from jsonschema import Draft202012Validator

    content = schema(name)
    Draft202012Validator.check_schema(content)
    assert content["$id"] == f"{name}.schema.json"
    assert content["title"]
    for each in _objects(content):
        if "properties" not in each:
            continue
        if "kind" not in each["properties"] or name != "error":
            assert each.get("additionalProperties") is False, (
                "closed: a key that nobody described is an error"
            )
        assert sorted(each["required"]) == sorted(each["properties"]), (
            "every key is always there, null if unknown"
        )


def _objects(content: Any) -> Iterator[dict[str, Any]]:
    if isinstance(content, dict):
        if "properties" in content and isinstance(content["properties"], dict):
            yield content
        for inner in content.values():
            yield from _objects(inner)
    elif isinstance(content, list):
        for inner in content:
            yield from _objects(inner)


def _error_types(base: type[RunctlError] = RunctlError) -> Iterator[type[RunctlError]]:
    yield base
    for each in (kind for kind in base.__subclasses__() if kind.__module__.startswith("runctl_auto.")):
        yield from _error_types(each)


@pytest.mark.parametrize("kind", sorted(set(_error_types()), key=lambda each: each.__name__))
def test_every_error_is_as_the_schema_says(kind: type[RunctlError]) -> None:
    required = {"attempts": 3} if kind.__name__ == "RetriesExhaustedError" else {}
    error = kind("What happened.", where={"job": "digits"}, next_step="Do this.", **required)
    error.__cause__ = OSError("deeper")
    error.__cause__.__cause__ = ValueError("deepest")
    value = {"error": error.as_json()}
    assert problems("error", value) == []
    assert value["error"]["causes"] == ["deeper", "deepest"]


def test_a_key_too_many_and_one_too_few_are_seen() -> None:
    check_output(["--output", "json", "version"], '{"runctl": "1", "pulumi": "3"}')
    with pytest.raises(AssertionError, match="extra"):
        check_output(["--output", "json", "version"], '{"runctl": "1", "pulumi": "3", "extra": 1}')
    with pytest.raises(AssertionError, match="pulumi"):
        check_output(["version"], '{"runctl": "1"}')
    check_output(
        ["version"],
        '{"error": {"kind": "x", "what": "y", "where": {}, "causes": [], "next_step": null, "exit_code": 1}}',
    )


def test_the_schema_of_a_command_is_found_behind_options_and_groups() -> None:
    assert schema_name_for(["--output", "json", "sandbox", "status"]) == "sandbox-status"
    assert schema_name_for(["--sandbox", "status", "sandbox"]) == "status"

"""Validates `--output json` against the schemas in docs/reference/json: one file per command.

A new command needs only its file there; the tests of the whole command line find it by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import click

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference" / "json"
SUFFIX = ".schema.json"
NOT_OF_A_COMMAND = frozenset({"shared", "error"})
PRINTS_NO_RESULT = frozenset({"completion", "shell", "top"})
"""Commands whose output is text for another program, regardless of the output format."""
JSON_LINES = frozenset({"logs", "transfer", "watch"})
"""Commands that print one JSON object per line, and an error as the last one."""


def leaves(
    command: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """All leaf commands, by their words."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None, f"{name} is listed and does not exist"
        yield from leaves(inner, (*path, name))


def schema_names() -> frozenset[str]:
    return frozenset(file.name.removesuffix(SUFFIX) for file in FOLDER.glob(f"*{SUFFIX}"))


def schema(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / f"{name}{SUFFIX}").read_text(encoding="utf-8"))
    return content


def problems(name: str, value: Any) -> list[str]:
    """Violations of the schema `name` (`ls`, `sandbox-status`, `error`) in `value`."""
    return [
        f"{'/'.join(str(part) for part in each.absolute_path) or '(whole)'}: {each.message}"
        for each in _validator(name).iter_errors(value)
    ]


def check_output(arguments: Sequence[str], out: str) -> None:
    """Fail when `out`, the stdout of `runctl *arguments` in JSON mode, violates its schema."""
    name = schema_name_for(arguments)
    if name is None:
        return
    documents = [json.loads(line) for line in out.splitlines()] if name in JSON_LINES else [json.loads(out)]
    for document in documents:
        used = "error" if isinstance(document, dict) and "error" in document else name
        found = problems(used, document)
        assert not found, (
            f"runctl {' '.join(arguments)} printed what docs/reference/json/{used}{SUFFIX} does not say "
            "(a new key belongs there; a changed one breaks scripts): " + "; ".join(found)
        )


def schema_name_for(arguments: Sequence[str]) -> str | None:
    """The schema name of the command in `arguments`; None for an unknown command."""
    words = [word for word in arguments if not word.startswith("-")]
    known = schema_names()
    for index, word in enumerate(words):
        both = "-".join(words[index : index + 2])
        if both in known:
            return both
        if word in known:
            return word
    return None


@cache
def _validator(name: str) -> Any:
    from jsonschema import Draft202012Validator
    from referencing import Registry
    from referencing.jsonschema import DRAFT202012

    registry: Any = Registry().with_resources(
        (f"{each}{SUFFIX}", DRAFT202012.create_resource(schema(each))) for each in ("shared", "error")
    )
    return Draft202012Validator(schema(name), registry=registry)

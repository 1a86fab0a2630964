"""The digest of RunPod's API against the published description, which is not part of the project.

Run by hand: ``RUNPOD_DESCRIPTION=openapi.json pytest tests/contract/test_runpod_description.py``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sandbox.runpod.shapes import digest

FROM_PAGES = "pages"
_FILE = os.environ.get("RUNPOD_DESCRIPTION")
pytestmark = pytest.mark.skipif(_FILE is None, reason="needs the published description: RUNPOD_DESCRIPTION")


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    assert _FILE is not None
    return dict(json.loads(Path(_FILE).read_text(encoding="utf-8")))


def described() -> list[str]:
    """The operations that the description has."""
    return [name for name, each in digest().operations.items() if each.get("from") != FROM_PAGES]


def referred(published: Mapping[str, Any], value: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference leads to; any other value itself."""
    found: Mapping[str, Any] = published
    for part in value.get("$ref", "").removeprefix("#/").split("/"):
        found = found[part] if part else value
    return found


def resolved(published: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema without references and ``allOf`` at its top: properties and required fields of all parts."""
    if "$ref" in schema:
        return resolved(published, referred(published, schema))
    merged: dict[str, Any] = {**schema, "properties": {**schema.get("properties", {})}}
    merged["required"] = set(schema.get("required", ()))
    for part in schema.get("allOf", ()):
        inner = resolved(published, part)
        merged["properties"] |= inner["properties"]
        merged["required"] |= inner["required"]
        for name in ("enum", "type", "items", "minimum", "maximum"):
            if name in inner:
                merged.setdefault(name, inner[name])
    return merged


def disagreements(
    published: Mapping[str, Any], shape: Any, schema: Mapping[str, Any], at: str
) -> Iterator[str]:
    """Where a shape of the digest says something else than the schema of the description."""
    found = resolved(published, schema)
    if isinstance(shape, str) and shape.startswith("@"):
        yield from disagreements(published, digest().shapes[shape[1:]], schema, at)
    elif isinstance(shape, Mapping):
        names = {name.removesuffix("?") for name in shape}
        yield from (f"{at}.{name}: not described" for name in names - found["properties"].keys())
        yield from (f"{at}.{name}: missing in the digest" for name in found["properties"].keys() - names)
        required = {name for name in shape if not name.endswith("?")}
        if required != found["required"]:
            yield f"{at}: required {sorted(required)} against {sorted(found['required'])}"
        for name, inner in shape.items():
            key = name.removesuffix("?")
            if key in found["properties"]:
                yield from disagreements(published, inner, found["properties"][key], f"{at}.{key}")
    elif shape.startswith("["):
        yield from disagreements(published, shape[1:-1], found["items"], f"{at}[]")
    elif "enum" in found and shape != "string" and set(shape.split("|")) != set(found["enum"]):
        yield f"{at}: {shape} against {found['enum']}"
    elif "|" in shape and "enum" not in found:
        yield f"{at}: no choice in the description"


@pytest.mark.parametrize("name", described())
def test_an_operation_has_the_codes_and_shapes_of_the_description(
    published: dict[str, Any], name: str
) -> None:
    method, path = name.split(" ")
    operation = digest().operations[name]
    told = published["paths"][path][method.lower()]
    codes = {code for code in told["responses"] if code != "default"}
    assert {*operation["answers"], *map(str, operation["problems"])} == codes
    for code, shape in operation["answers"].items():
        content = told["responses"][code].get("content", {}).get("application/json")
        if content is not None:
            assert list(disagreements(published, f"@{shape}", content["schema"], shape)) == []
        else:
            assert shape in (None, "events")
    if "body" in operation:
        schema = told["requestBody"]["content"]["application/json"]["schema"]
        assert list(disagreements(published, f"@{operation['body']}", schema, operation["body"])) == []


@pytest.mark.parametrize("name", described())
def test_parameters_are_those_of_the_description(published: dict[str, Any], name: str) -> None:
    method, path = name.split(" ")
    told = published["paths"][path]
    parameters = [*told.get("parameters", ()), *told[method.lower()].get("parameters", ())]
    known = {referred(published, each)["name"] for each in parameters}
    operation = digest().operations[name]
    assert {*operation.get("query", {}), *operation.get("headers", ())} <= known

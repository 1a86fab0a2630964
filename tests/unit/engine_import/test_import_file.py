"""What the file of `pulumi import` may say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.engine.cli.errors import CommandError, UnsupportedError
from sandbox.engine.cli.import_file import imports_of, read_import_file
from sandbox.engine.deploy.imports.wanted import Import
from sandbox.engine.properties import SECRET_SIGNATURE, SIGNATURE, UNKNOWN_TEXT, Secret

THING = "toy:index:Thing"


@pytest.fixture
def imports(tmp_path: Path) -> Any:
    def read(*resources: dict[str, Any], protect: bool = True, **more: Any) -> tuple[Import, ...]:
        path = tmp_path / "import.json"
        path.write_text(json.dumps({"resources": list(resources), **more}))
        return imports_of(
            read_import_file(str(path)), stack="dev", project="toys", protect=protect, decrypt=str.upper
        )

    return read


def test_names_stand_for_urns_of_the_table_and_of_other_resources(imports: Any) -> None:
    mine = "urn:pulumi:dev::toys::pulumi:providers:toy::mine"
    child, parent = imports(
        {"type": THING, "name": "c", "id": "2", "parent": "p", "provider": "mine", "version": "v1.2.3"},
        {"type": THING, "name": "p", "logicalName": "pp", "id": "1", "properties": ["a"]},
        nameTable={"mine": mine},
        protect=False,
    )
    assert child.parent == f"urn:pulumi:dev::toys::{THING}::pp"
    assert (child.provider, child.source.version, child.protect) == (mine, "1.2.3", False)
    assert (parent.name, parent.properties, parent.parent) == ("pp", ("a",), "")


def test_secrets_are_taken_in_plain_text_and_encrypted(imports: Any) -> None:
    def secret(**text: str) -> dict[str, str]:
        return {SIGNATURE: SECRET_SIGNATURE, **text}

    inputs = {"a": secret(plaintext='"x"'), "b": secret(ciphertext='"sealed"')}
    (found,) = imports({"type": THING, "name": "a", "id": "1", "inputs": inputs, "outputs": {"o": 1}})
    assert found.inputs == {"a": Secret("x"), "b": Secret("SEALED")}
    assert found.outputs == {"o": 1}


def test_inputs_of_providers_come_from_themselves_or_from_the_section_for_them(imports: Any) -> None:
    own, listed, user = imports(
        {"type": "pulumi:providers:toy", "name": "own", "inputs": {"region": "x"}},
        {"type": "pulumi:providers:toy", "name": "listed"},
        {"type": THING, "name": "a", "id": "1", "provider": "listed"},
        providerInputs={"own": {"region": "no"}, "listed": {"region": "y"}},
    )
    assert own.inputs == {"region": "x"}
    assert listed.inputs == user.provider_inputs == {"region": "y"}


@pytest.mark.parametrize(
    ("resource", "problem"),
    [
        ({"name": "a", "id": "1"}, "resource 'a' has no type"),
        ({"type": THING, "id": "1"}, f"resource '1' of type '{THING}' has no name"),
        ({"type": THING, "name": "a"}, f"resource 'a' of type '{THING}' has no ID"),
        (
            {"type": THING, "name": "a", "id": "1", "component": True},
            f"resource 'a' of type '{THING}' has an ID, but is marked as a component",
        ),
        (
            {"type": THING, "name": "a", "id": "1", "remote": True},
            f"resource 'a' of type '{THING}' is marked as remote, but not as a component",
        ),
        (
            {"type": THING, "name": "a", "id": "1", "parent": "p"},
            f"the parent 'p' for resource 'a' of type '{THING}' has no entry in 'nameTable'",
        ),
        (
            {"type": THING, "name": "a", "id": "1", "provider": "p"},
            f"the provider 'p' for resource 'a' of type '{THING}' has no entry in 'nameTable' or 'resources'",
        ),
        (
            {"type": THING, "name": "a", "id": "1", "provider": "a"},
            f"the provider 'a' for resource 'a' of type '{THING}' is not a provider",
        ),
        (
            {"type": "pulumi:providers:toy", "name": "a", "id": "1"},
            "resource 'a' of type 'pulumi:providers:toy' has an ID, but is a provider, which is created "
            "rather than read",
        ),
        (
            {"type": THING, "name": "a", "id": "1", "parent": "a"},
            "the parents of the resources go round in a circle",
        ),
        (
            {"type": THING, "name": "a", "id": "1", "inputs": {"x": UNKNOWN_TEXT}},
            f"the inputs for resource 'a' of type '{THING}' contain unknown values; fill them in before "
            "importing",
        ),
    ],
)
def test_what_is_wrong_with_a_resource_is_said(imports: Any, resource: dict[str, Any], problem: str) -> None:
    with pytest.raises(CommandError) as raised:
        imports(resource)
    assert str(raised.value) == problem


def test_everything_that_is_wrong_is_said_at_once(imports: Any) -> None:
    with pytest.raises(
        CommandError, match=r"2 errors occurred:\n    1\) .*\n    2\) resource 'b' has no type"
    ):
        imports({"type": THING, "name": "a"}, {"name": "b", "id": "1"})


def test_a_name_that_several_have_cannot_be_a_parent(imports: Any) -> None:
    twice = [{"type": THING, "name": "a", "logicalName": name, "id": "1"} for name in "xy"]
    with pytest.raises(CommandError, match="has an ambiguous parent"):
        imports(*twice, {"type": THING, "name": "b", "id": "1", "parent": "a"})


def test_two_resources_with_one_urn_are_refused(imports: Any) -> None:
    twice = [{"type": THING, "name": name, "logicalName": "same", "id": "1"} for name in "xy"]
    with pytest.raises(CommandError, match=r"resource 'y' of type .* has an ambiguous URN"):
        imports(*twice)


@pytest.mark.parametrize("text", ["{", "[]", '{"resources": 3}', '{"resources": [{"name": 1}]}'])
def test_a_malformed_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "f.json").write_text(text)
    with pytest.raises(CommandError, match=r"^could not read import file: "):
        read_import_file(str(tmp_path / "f.json"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"could not read import file: open .*/f\.json: no such file"):
        read_import_file(str(tmp_path / "f.json"))


def test_parameterized_packages_are_refused_by_name(imports: Any) -> None:
    with pytest.raises(UnsupportedError, match="the `parameterization` of a resource to import"):
        imports({"type": THING, "name": "a", "id": "1", "parameterization": {"pluginName": "x"}})

"""What programs in other languages declare: a change here breaks them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel
from typing_extensions import is_typeddict

from runctl_auto.job_file.spec import JobSpec
from stacks.training_job import fields
from stacks.training_job.package import NAME, TYPE

ROOT = Path(__file__).resolve().parents[2]
SCHEMA: dict[str, Any] = json.loads((ROOT / "docs/reference/training-job.schema.json").read_text())
LEFT_OUT = {"": {"provider", "providers", "provider_order", "runpod"}, "volumes": {"volume"}}
"""Fields of a job file that a component has not: it is of one provider, and does not know runctl's stacks."""
AS_TEXT = {"gpu", "cpu", "memory"}
"""Mappings of a job file that are texts here; a job file takes both."""


def test_the_component_keeps_its_name() -> None:
    assert (NAME, TYPE) == ("runctl", "runctl:index:TrainingJob")
    assert SCHEMA["name"] == NAME
    assert list(SCHEMA["resources"]) == [TYPE]
    assert SCHEMA["resources"][TYPE]["isComponent"] is True


def test_the_outputs() -> None:
    component = SCHEMA["resources"][TYPE]
    assert set(component["properties"]) == {
        "bucket",
        "runId",
        "region",
        "zone",
        "instanceType",
        "market",
        "instanceId",
        "groupName",
        "volumes",
    }
    assert set(component["properties"]) - set(component["required"]) == {"instanceId", "groupName"}


def test_nothing_is_required_but_what_nobody_can_guess() -> None:
    assert SCHEMA["resources"][TYPE].get("requiredInputs", []) == []
    required = {name: each["required"] for name, each in SCHEMA["types"].items() if "required" in each}
    assert required == {
        "runctl:index:Elastic": ["min"],
        "runctl:index:Volume": ["mount", "name"],
        "runctl:index:DataSource": ["path", "source"],
        "runctl:index:RegistryAuth": ["password", "username"],
    }


def test_only_secret_values_may_be_outputs_of_other_resources() -> None:
    """A run is identified by its inputs, which must be known in a preview."""
    inputs = SCHEMA["resources"][TYPE]["inputProperties"]
    assert {name for name, each in inputs.items() if not each.get("plain")} == {"secretValues"}


def parts_of(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    yield path, model
    for name, field in model.model_fields.items():
        if name in AS_TEXT or name in LEFT_OUT.get(path, ()):
            continue
        for each in inner(field.annotation):
            if isinstance(each, type) and issubclass(each, BaseModel):
                yield from parts_of(each, f"{path}.{name}" if path else name)


def inner(annotation: Any) -> Iterator[Any]:
    yield annotation
    if get_origin(annotation) is not None:
        for each in get_args(annotation):
            yield from inner(each)


def declared(path: str) -> Any:
    """The inputs that stand for the mapping at ``path`` of a job file."""
    found: Any = fields.TrainingJobArgs
    for name in filter(None, path.split(".")):
        found = next(each for each in inner(found.__annotations__[name]) if is_typeddict(each))
    return found


@pytest.mark.parametrize(("path", "model"), list(parts_of(JobSpec)), ids=str)
def test_every_field_of_a_job_file_is_an_input(path: str, model: type[BaseModel]) -> None:
    inputs = set(declared(path).__annotations__)
    if not path:
        inputs -= set(fields.OWN_INPUTS)
    assert inputs == set(model.model_fields) - LEFT_OUT.get(path, set())

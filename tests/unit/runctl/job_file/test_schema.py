"""The JSON schema of the job file: in step with the validator, and what editors need in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from runctl_auto.cli.main import run
from runctl_auto.errors import JobFileError
from runctl_auto.job_file.load import load_job_file
from runctl_auto.job_file.other_names import OTHER_NAMES
from runctl_auto.job_file.schema import job_schema
from runctl_auto.job_file.spec import JobSpec

ROOT = Path(__file__).parents[4]
EXAMPLES = sorted((ROOT / "stacks/examples").glob("*/job*.yaml"))
SMALL: dict[str, Any] = {"name": "digits", "region": "us-east-1", "run": "python train.py"}
SCHEMA = job_schema()
VALIDATOR = Draft202012Validator(SCHEMA)

JobFile = Callable[..., Path]


def is_loaded(path: Path) -> bool:
    try:
        return bool(load_job_file(path).spec.name)
    except JobFileError:
        return False


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == SCHEMA


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_examples_are_valid(path: Path) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(path.read_text()))] == []


def properties(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, value in schema.get("properties", {}).items():
        yield f"{path}{name}", value
    for name, definition in schema.get("$defs", {}).items():
        yield from properties(definition, f"{name}.")
        for form in definition.get("anyOf", []):
            yield from properties(form, f"{name}.")


def test_every_property_says_what_it_is_for_and_what_is_allowed() -> None:
    found = dict(properties(SCHEMA))
    assert set(JobSpec.model_fields) <= set(found)
    assert [name for name, value in found.items() if not value.get("description")] == []
    assert [name for name, value in found.items() if name != "type" and not value.get("title")] == []


def test_every_other_name_is_known_as_deprecated() -> None:
    found = dict(properties(SCHEMA))
    for name in OTHER_NAMES:
        key = name.written[-1] if len(name.written) == 1 else f"Resources.{name.written[-1]}"
        assert found[key]["deprecated"] is True


ACCEPTED = [
    {},
    {"nodes": 4, "spot_policy": "spot", "max_price": 0.5, "budget": 3},
    {"max_duration": "1h30m", "idle_duration": 600, "env": {"A": "b"}, "secrets": ["A_B"]},
    {"env": ["A=b", "C="]},
    {"env": {"A": 1, "B": 0.5, "C": True}},
    {"max_duration": "off", "idle_duration": False},
    {"resources": {"gpu": "24GB.."}},
    {"resources": {"gpu": "nvidia:A10G,L4:16GB..24GB:2"}},
    {"resources": {"gpu": {"name": ["A10G", "L4"], "memory": "24GB..", "count": 2}}},
    {"resources": {"cpu": "4..8", "memory": "16GB..", "gpu": "A10G:1", "disk": "1TB"}},
    {"resources": {"cpu": "4+", "memory": 16, "gpu": 2}},
    {"resources": {"cpu": {"min": 4}, "gpu": {"name": "A10G", "count": 1}}},
    {"resources": {"instance_type": "g5.xlarge", "use_spot": True, "disk_size": 50}},
    {"resources": {"accelerators": "A10G:1", "cpus": 4}},
    {"instance_types": ["g5.xlarge"], "num_nodes": 2, "type": "task"},
    {"volumes": [{"name": "data", "size": "100GB", "mount": "/data", "protect": True, "snapshot": None}]},
    {"volumes": [{"name": "data", "id": "vol-12345678", "mount": "/data"}]},
    {"network": {"vpc": "vpc-12345678", "subnet": "auto"}, "image": "ssm:/a/b", "workdir": ".."},
    {"tags": {"team": "nlp", "größe": "5"}, "setup": None, "retry": {"on_events": ["error"]}},
    {"data": [{"source": "s3://bucket/prefix", "path": "data/"}]},
]
REFUSED = [
    {"name": "Digits"},
    {"name": 3},
    {"name": "a"},
    {"run": ""},
    {"run": ["a"]},
    {"colour": "red"},
    {"resources": {"colour": "red"}},
    {"resources": []},
    {"resources": {"cpu": "many"}},
    {"resources": {"gpu": "A10G:x"}},
    {"resources": {"disk": "50"}},
    {"resources": {"disk": 0}},
    {"resources": {"instance_types": "g5.xlarge"}},
    {"resources": {"gpu": 1, "accelerators": "A10G:1"}},
    {"nodes": "2"},
    {"nodes": 0},
    {"nodes": 1001},
    {"nodes": True},
    {"nodes": 2, "num_nodes": 2},
    {"use_spot": "yes"},
    {"spot_policy": "sometimes"},
    {"max_price": "0.6"},
    {"max_price": 0},
    {"max_duration": "12"},
    {"max_duration": "soon"},
    {"env": {"1A": "b"}},
    {"env": {"RUNCTL_JOB": "b"}},
    {"env": {"A": None}},
    {"env": {"A": [1]}},
    {"max_duration": True},
    {"resources": {"gpu": "24GB:80GB"}},
    {"resources": {"gpu": {"name": "A10G", "memory": "24"}}},
    {"env": ["A"]},
    {"secrets": "A"},
    {"secrets": {"A": None}},
    {"volumes": [{"name": "data", "mount": "/data"}]},
    {"volumes": [{"name": "data", "mount": "/data", "size": 1, "id": "vol-12345678"}]},
    {"volumes": [{"name": "data", "mount": "data", "size": 1}]},
    {"volumes": [{"name": f"v{n}", "mount": f"/v{n}", "size": 1} for n in range(12)]},
    {"volumes": ["data:/data"]},
    {"network": {"vpc": "mine"}},
    {"image": "pytorch/pytorch"},
    {"region": "us-east-1a"},
    {"zones": ["us-east-1"]},
    {"tags": {"a": "x" * 257}},
    {"data": [{"source": "https://x/y", "path": "d"}]},
    {"data": [{"source": "s3://bucket/prefix"}]},
    {"retry": {"on_events": ["eror"]}},
    {"type": "service"},
]


@pytest.mark.parametrize("more", ACCEPTED, ids=str)
def test_both_accept(more: dict[str, Any], job_file: JobFile) -> None:
    job = {**SMALL, **more}
    assert [error.message for error in VALIDATOR.iter_errors(job)] == []
    load_job_file(job_file(yaml.safe_dump(job)))


@pytest.mark.parametrize("more", REFUSED, ids=lambda more: str(more)[:60])
def test_both_refuse(more: dict[str, Any], job_file: JobFile) -> None:
    job = {**SMALL, **more}
    assert not VALIDATOR.is_valid(job)
    assert not is_loaded(job_file(yaml.safe_dump(job)))


@pytest.mark.parametrize("left_out", sorted(SMALL))
def test_both_miss_what_is_required(left_out: str, job_file: JobFile) -> None:
    job = {name: value for name, value in SMALL.items() if name != left_out}
    assert not VALIDATOR.is_valid(job)
    assert not is_loaded(job_file(yaml.safe_dump(job)))


@pytest.mark.parametrize("job", [
    {"name": "digits", "regions": ["us-east-1"], "commands": ["a", "b"]},
    {"name": "digits", "resources": {"region": "us-east-1"}, "commands": ["a"]},
])  # fmt: skip
def test_what_is_required_may_have_another_name(job: dict[str, Any], job_file: JobFile) -> None:
    assert VALIDATOR.is_valid(job)
    assert is_loaded(job_file(yaml.safe_dump(job)))


_ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2000),
    st.sampled_from([0.5, -1.0]),
    st.sampled_from(
        ["", " ", "1", "1GB", "4..8", "4+", "12h", "A10G:1", "us-east-1", "us-east-1a", "a", "/a"]
    ),
    st.lists(st.sampled_from(["us-east-1", "m5.large", "A=b", "A", 1]), max_size=2),
    st.dictionaries(
        st.sampled_from(["path", "min", "name", "use_spot", "keep", "A"]),
        st.sampled_from([1, "a"]),
        max_size=2,
    ),
)
_FIELDS = sorted(SCHEMA["properties"])
_IN_RESOURCES = sorted(SCHEMA["$defs"]["Resources"]["properties"])
_JOBS = st.builds(
    lambda parts, odd, resources: {
        **SMALL,
        **{key: value for part in parts for key, value in part.items()},
        **odd,
        **({"resources": resources} if resources else {}),
    },
    st.lists(st.sampled_from(ACCEPTED), max_size=2),
    st.dictionaries(st.sampled_from(_FIELDS), _ODD, max_size=2),
    st.dictionaries(st.sampled_from(_IN_RESOURCES), _ODD, max_size=2),
)
_STRUCTURAL = (
    "is not a field",
    "is missing",
    "is of the wrong type",
    "is not one of the values",
    "is neither",
)


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(job=_JOBS)
def test_the_schema_refuses_nothing_valid_and_all_that_is_built_wrongly(
    job: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "agreed.yaml"
    path.write_text(yaml.safe_dump(job, allow_unicode=True), encoding="utf-8")
    messages: list[str] = []
    try:
        load_job_file(path)
    except JobFileError as error:
        messages = [problem.message for problem in error.problems]
    told = [error.message for error in VALIDATOR.iter_errors(job)]
    if not messages:
        assert told == []
    elif any(message.startswith(_STRUCTURAL) for message in messages):
        assert told != []

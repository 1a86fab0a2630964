"""From the inputs of a component to a checked job and its secrets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
from support.declared import declarations_of

from components.retention import RetentionRefusedError, without_retention
from runctl_auto.errors import JobFileError, UsageError
from stacks.training_job.declaration import checked_job, secrets_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def loop() -> Iterator[None]:
    """Outputs are made in a loop, and other tests leave none."""
    made = asyncio.new_event_loop()
    asyncio.set_event_loop(made)
    yield
    asyncio.set_event_loop(None)
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".runctl.toml").touch()
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "train.py").write_text("print()")
    return tmp_path


FIELDS: dict[str, Any] = {"region": "us-east-1", "run": "python3 train.py", "workdir": "work"}


def test_fields_mean_what_they_mean_in_a_job_file(folder: Path) -> None:
    given = {**FIELDS, "nodes": 1.0, "budget": 20.0, "checkpoints": {"keep": 2.0}, "volumes": []}
    found = checked_job("digits", given, folder)  # type: ignore[arg-type]
    (folder / "job.yaml").write_text(
        "name: digits\nregion: us-east-1\nrun: python3 train.py\nworkdir: work\nbudget: 20\n"
        "checkpoints: {keep: 2}\n"
    )
    assert found.spec == checked_job("other", {"job_file": "job.yaml"}, folder).spec
    assert found.work_folder.path == folder / "work"


def test_a_name_is_the_resources_unless_given(folder: Path) -> None:
    assert checked_job("digits", {**FIELDS, "name": "letters"}, folder).spec.name == "letters"  # type: ignore[typeddict-item]


def test_a_job_file_and_fields_exclude_each_other(folder: Path) -> None:
    with pytest.raises(UsageError, match="has a job file and also region, run, workdir"):
        checked_job("digits", {"job_file": "job.yaml", **FIELDS}, folder)  # type: ignore[typeddict-item]


def test_what_is_wrong_is_told_by_field(folder: Path) -> None:
    with pytest.raises(JobFileError) as caught:
        checked_job("digits", {**FIELDS, "spot_policy": "sometimes", "max_duration": "x"}, folder)  # type: ignore[typeddict-item]
    assert {each.field for each in caught.value.problems} == {"spot_policy", "max_duration"}


def test_a_work_folder_outside_of_the_project_is_refused(folder: Path) -> None:
    with pytest.raises(JobFileError, match="leads out of the project"):
        checked_job("digits", {**FIELDS, "workdir": "/etc"}, folder)  # type: ignore[typeddict-item]


def known(values: dict[str, pulumi.Input[str]]) -> dict[str, tuple[str, bool]]:
    """The values and whether each is secret, once all are known."""
    found: dict[str, tuple[str, bool]] = {}

    async def note(name: str, value: Any) -> None:
        found[name] = (await value.future(), await value.is_secret())

    def program() -> None:
        for name, value in values.items():
            pulumi.export(name, pulumi.Output.from_input(note(name, value)))

    declarations_of(program)
    return found


def test_secrets_come_from_the_program_else_from_the_environment() -> None:
    later = pulumi.Output.from_input("later")
    given = {"A": "given", "B": later}
    found = known(secrets_of("digits", ["A", "B", "C"], given, {"A": "ignored", "C": "environment"}))
    assert found == {"A": ("given", True), "B": ("later", True), "C": ("environment", True)}


def test_a_whole_map_may_be_known_later() -> None:
    found = known(secrets_of("digits", ["A"], pulumi.Output.from_input({"A": "later"}), {}))
    assert found == {"A": ("later", True)}


@pytest.mark.parametrize("given", [None, {}, {"A": ""}, {"A": "x" * 5000}])
def test_a_secret_without_a_fit_value_is_refused(given: Any) -> None:
    with pytest.raises(UsageError):
        secrets_of("digits", ["A"], given, {})


def test_children_of_a_component_cannot_outlive_it() -> None:
    class Thing(pulumi.ComponentResource):
        def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
            super().__init__("test:index:Thing", name, {}, opts)

    def program() -> None:
        parent = Thing("parent", without_retention(None))
        Thing("child", pulumi.ResourceOptions(parent=parent, retain_on_delete=True))

    with pytest.raises(RetentionRefusedError, match="retain_on_delete"):
        declarations_of(program)

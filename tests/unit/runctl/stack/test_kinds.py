"""No job, volume or snapshot can take the stack of another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from runctl_auto.job_file.field_types import JobName
from runctl_auto.stack.kinds import (
    STORAGE_KINDS,
    is_name,
    kind_of,
    name_in,
    of_kinds,
    removal,
    stack_of,
    titled,
)

JOB_NAMES = TypeAdapter(JobName)
WORDS = st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,6}){0,3}", fullmatch=True)
NAMES = WORDS.filter(is_name)
KINDS = st.sampled_from(STORAGE_KINDS)


def is_job_name(text: str) -> bool:
    try:
        JOB_NAMES.validate_python(text)
    except ValidationError:
        return False
    return True


@given(KINDS, NAMES)
def test_a_stack_tells_its_kind_and_name_and_is_no_jobs(kind: str, name: str) -> None:
    stack = stack_of(kind, name)  # type: ignore[arg-type]
    assert (kind_of(stack), name_in(stack)) == (kind, name)
    assert not is_job_name(stack)


@given(KINDS, NAMES, KINDS, NAMES)
def test_two_things_have_two_stacks(kind: str, name: str, other: str, another: str) -> None:
    stacks = {stack_of(kind, name), stack_of(other, another)}  # type: ignore[arg-type]
    assert len(stacks) == len({(kind, name), (other, another)})


@given(WORDS)
def test_a_jobs_stack_is_a_jobs_whatever_its_name(name: str) -> None:
    assert kind_of(name) == "job"
    assert name_in(name) == name


@pytest.mark.parametrize(
    ("stack", "kind"),
    [
        ("volume", "job"),
        ("snapshot", "job"),
        ("volume.", "job"),
        ("volume.a.b", "job"),
        ("volume.A", "job"),
        ("volumes.data", "job"),
        ("volume.vol-0123456789abcdef0", "job"),
        ("volume.data", "volume"),
        ("snapshot.vol-1", "snapshot"),
    ],
)
def test_only_names_that_runctl_gives_are_of_a_kind(stack: str, kind: str) -> None:
    assert kind_of(stack) == kind


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a",
        "A1",
        "1a",
        "a--b",
        "a-",
        "a.b",
        "a/b",
        "a" * 41,
        "vol-12345678",
        "snap-12345678",
        "a\nb",
        "ab\n",
    ],
)
def test_what_is_no_name(name: str) -> None:
    assert not is_name(name)


def test_how_people_are_told() -> None:
    assert titled("digits") == "job 'digits'"
    assert titled("volume.data") == "volume 'data'"
    assert removal("digits") == "runctl down digits"
    assert removal("snapshot.base") == "runctl snapshot rm base"
    assert of_kinds(["digits", "volume.data", "snapshot.base"], ["volume"]) == ("volume.data",)

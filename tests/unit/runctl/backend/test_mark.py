"""A backend's mark is the same for all who reach it, and another for any other."""

from __future__ import annotations

import re

import pytest

from components.tags import BACKEND, identity_tags
from runctl_auto.backend.mark import backend_mark


def test_how_one_reaches_a_backend_does_not_count() -> None:
    marks = {
        backend_mark(f"s3://team-state/runctl{tail}") for tail in ("", "/", "?region=eu-west-1&profile=x")
    }
    assert len(marks) == 1
    assert re.fullmatch("[0-9a-f]{10}", marks.pop())


@pytest.mark.parametrize("other", ["s3://team-state/other", "s3://other/runctl", "file:///team-state/runctl"])
def test_another_backend_has_another_mark(other: str) -> None:
    assert backend_mark(other) != backend_mark("s3://team-state/runctl")


def test_everything_of_a_stack_carries_it() -> None:
    given = {"project": "runctl", "job": "j", "stack": "j", "owner": "ann"}
    assert identity_tags(**given, backend="abc")[BACKEND] == "abc"
    assert BACKEND not in identity_tags(**given)

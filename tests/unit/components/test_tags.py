"""Tags: who owns a resource, and what a protection tag means."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.protection import Protected
from components.tags import REQUIRED, identity_tags, is_protecting, tag_value, without_protection


def test_the_identity_is_complete() -> None:
    tags = identity_tags(project="runctl", job="digits", stack="digits", owner="ada")
    assert tuple(tags) == REQUIRED
    assert tags["runctl:created-by"] == "runctl"


@settings(max_examples=60)
@given(st.text(max_size=400))
def test_any_text_becomes_a_value_that_a_tag_takes(text: str) -> None:
    value = tag_value(text)
    assert 0 < len(value) <= 256
    assert re.fullmatch(r"[\w .:/=+@-]+", value)
    assert tag_value(value) == value


@pytest.mark.parametrize(
    ("tags", "protects"),
    [
        ({"runctl:protected": "true"}, True),
        ({"runctl:important": "Yes"}, True),
        ({"runctl:persistent": "1"}, True),
        ({"runctl:protected": "false"}, False),
        ({"runctl:protected": ""}, False),
        ({"protected": "true"}, False),
        ({}, False),
    ],
)
def test_which_tags_protect(tags: dict[str, str], protects: bool) -> None:
    assert is_protecting(tags) is protects


def test_what_is_not_protected_carries_no_tag_that_says_so() -> None:
    given_tags = {"runctl:protected": "true", "team": "nlp"}
    assert without_protection(given_tags) == {"team": "nlp"}
    assert Protected(protect=False).tags(given_tags) == {"team": "nlp"}
    assert Protected(protect=True).tags({"team": "nlp"}) == {"team": "nlp", "runctl:protected": "true"}

"""The plain form of settings files: the same values as a YAML parser reads, or none."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from support.job_stacks import job_spec, stack_config

from runctl_auto.stack.plain_settings import plain_values

TEXTS = st.text(st.sampled_from(" '\"\\:#-{}[],&*!|>%@`\n\t~?=aZ9é\u2028."), max_size=120)
VALUES = st.one_of(TEXTS, st.sampled_from(["null", "true", "1", "1e3", "file:///x", "2026-01-01", "no", "~"]))
KEYS = st.sampled_from(["runctl:a", "runctl:job", "runctl:backend", "aws:region", "other"])


def parsed(text: str) -> dict[str, Any] | None:
    """What a parser makes of it; None for no settings at all."""
    try:
        config = (yaml.safe_load(text) or {}).get("config") or {}
    except (yaml.YAMLError, AttributeError):
        return None
    return {
        key: value
        for key, value in config.items()
        if str(key).startswith("runctl:") and not isinstance(value, dict)
    }


def agrees(text: str) -> bool:
    """Whether it was read; what was read is what a parser reads."""
    found = plain_values(text, "runctl:")
    assert found is None or found == parsed(text), text
    return found is not None


@given(st.dictionaries(KEYS, VALUES), st.sampled_from([80, 1_000_000]), st.sampled_from([None, "'", '"']))
def test_written_values_are_those_that_a_parser_reads(
    values: dict[str, str], width: int, style: str | None
) -> None:
    config: dict[str, Any] = {**values, "runctl:secrets": {"secure": "v1:abc="}}
    agrees(yaml.safe_dump({"config": config, "encryptionsalt": "v1:x:y="}, width=width, default_style=style))
    agrees(yaml.safe_dump({"config": config}, width=width, allow_unicode=True))


@given(st.text(st.sampled_from("config: runtl'\"\n\r\t {}[]#-&*|>s"), max_size=200))
def test_whatever_the_file_holds(text: str) -> None:
    agrees(text)
    agrees(f"config:\n{text}")
    agrees(f"config:\n  runctl:a: {text}")


@pytest.mark.parametrize("width", [80, 1_000_000])
def test_a_jobs_own_settings_are_in_the_plain_form(width: int) -> None:
    values = stack_config(job=job_spec(run="python train.py --name 'a b' " + "--x 1 " * 40)).to_values()
    config = {
        **values,
        "runctl:backend": "s3://states?region=us-east-1",
        "runctl:secrets": {"secure": "v1:a"},
    }
    assert agrees(yaml.safe_dump({"config": values, "encryptionsalt": "v1:abc:v1:def="}, width=width))
    agrees(yaml.safe_dump({"config": config}, width=width))


@pytest.mark.parametrize(
    "text",
    [
        "config:\n  runctl:a: &x 'b'\n",
        "config:\n  runctl:a: *x\n",
        "config:\n  runctl:a: 'b' # c\n",
        "config:\n  runctl:a: |\n    b\n",
        "config:\n  runctl:a:\n    secure: x\n    more: y\n",
        "config:\n  runctl:a: 'b'\nconfig:\n  runctl:a: 'c'\n",
        "config:\n  runctl:a: 'b'\n  runctl:a: 'c'\n",
        "config: {runctl:a: b}\n",
        "config:\n  runctl:a: no\n",
        "config:\n  runctl:a: 12\n",
        "config:\n  runctl:a: b: c\n",
        "config:\n    runctl:a: 'b'\n",
        "config:\n  runctl:a: 'b\n",
        "config:\n  runctl:a: 'b\n\n    c'\n",
        "---\nconfig:\n  runctl:a: 'b'\n",
    ],
)
def test_other_forms_are_left_to_a_parser(text: str) -> None:
    assert plain_values(text, "runctl:") is None

"""Whose value a secret has, and what is said when it has none."""

from __future__ import annotations

import pytest

from runctl_auto.errors import ExitCode, UsageError
from runctl_auto.jobs.secret_values import MOST_BYTES, choose_secrets


def test_the_callers_value_comes_before_the_one_that_the_stack_keeps() -> None:
    found = choose_secrets("j", ("A", "B"), {"A": "new", "C": "x"}, {"A": "old", "B": "kept", "D": "y"})
    assert found.values == {"A": "new", "B": "kept"}
    assert found.kept == ("B",)


def test_no_value_is_shown_by_accident() -> None:
    assert "new" not in repr(choose_secrets("j", ("A",), {"A": "new"}, {}))


def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(UsageError, match="not set: A, C") as raised:
        choose_secrets("j", ("A", "B", "C"), {"A": "", "B": "x"}, {})
    assert raised.value.exit_code is ExitCode.USAGE
    assert raised.value.next_step
    assert "A=... runctl up" in raised.value.next_step


def test_what_no_parameter_holds_is_refused_without_showing_it() -> None:
    assert choose_secrets("j", ("A",), {"A": "x" * MOST_BYTES}, {}).values
    with pytest.raises(UsageError, match="4097 bytes, at most 4096") as raised:
        choose_secrets("j", ("A", "B"), {"A": "x" * 4097, "B": "\udcff"}, {})
    assert "B (not UTF-8 text)" in raised.value.what
    assert "xxxx" not in str(raised.value)

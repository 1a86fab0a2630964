"""The program on an engine and the emulated cloud: made, the same again, changed, ended, gone."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.sandbox


def test_applying_the_same_job_twice_changes_nothing(stack: Any) -> None:
    stack.up()
    stack.unchanged()
    stack.unchanged("--refresh")
    outputs = stack.outputs()
    assert outputs["runId"] == stack.config.run.id
    assert outputs["instanceId"].startswith("i-")
    assert list(outputs["volumes"]) == ["data"]

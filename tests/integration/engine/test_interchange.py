"""A stack goes back and forth between the embedded engine and Pulumi's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from interchange import carry, embedded, pulumi_on_path

pytestmark = pytest.mark.sandbox


@pytest.mark.parametrize("embedded_begins", [True, False], ids=["embedded begins", "pulumi begins"])
def test_each_engine_goes_on_where_the_other_stopped(tmp_path: Path, embedded_begins: bool) -> None:
    other = pulumi_on_path(os.environ)
    if other is None:
        pytest.skip("no `pulumi` on PATH but the embedded engine: nothing to carry a stack to")
    engines = (embedded(), other) if embedded_begins else (other, embedded())
    done = carry(tmp_path, *engines)
    assert {line.partition(":")[0] for line in done} == {engine.name for engine in engines}

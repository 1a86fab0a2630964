"""Resources to judge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policies.rule import Judged

Judge = Callable[..., Judged]


@pytest.fixture
def judge() -> Judge:
    def make(type_token: str, name: str = "thing", **inputs: Any) -> Judged:
        return Judged(
            type=type_token, name=name, urn=f"urn:pulumi:s::runctl::{type_token}::{name}", inputs=inputs
        )

    return make

"""Plans saved by previews and kept by updates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.sandbox

FIRST = 'a = Thing("a", size=1, key=pulumi.Output.secret("hush"))\nThing("b", v=a.out)'


def test_an_update_keeps_to_a_saved_plan(project: Any, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    project.program(FIRST)
    told = project.pulumi("preview", "--save-plan", str(path))
    assert f"Run `pulumi up --plan='{path}'`" in told
    text = path.read_text()
    assert "hush" not in text
    steps = {urn.rpartition("::")[2]: p["steps"] for urn, p in json.loads(text)["resourcePlans"].items()}
    assert steps == {"toys-dev": ["create"], "default": ["create"], "a": ["create"], "b": ["create"]}

    project.program(FIRST + '\nThing("c")')
    output = project.up("--plan", str(path), code=1)
    assert "create is not allowed by the plan: no steps were expected for this resource" in output
    assert not [key for key in project.provider.cloud if key.startswith("c-")]

    project.program(FIRST.replace("size=1", "size=2"))
    output = project.up("--plan", str(path), code=1)
    assert "violates plan: properties changed: " in output

    project.program(FIRST)
    project.up("--plan", str(path))
    assert sorted(project.provider.cloud) == ["a-1", "b-1"]


def test_what_the_plan_expected_must_happen(project: Any, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    project.program(FIRST)
    project.pulumi("preview", "--save-plan", str(path))
    project.program('a = Thing("a", size=1, key=pulumi.Output.secret("hush"))')
    output = project.up("--plan", str(path), code=1)
    assert "expected resource operations for urn:pulumi:dev::toys::toy:index:Thing::b" in output


def test_a_strict_update_needs_its_preview(project: Any) -> None:
    project.program('Thing("a")')
    project.pulumi("up", "--yes", "--strict")
    assert list(project.provider.cloud) == ["a-1"]
    assert "strict requires a preview" in project.up("--strict", code=1)


def test_a_plan_that_is_nowhere_is_named(project: Any, tmp_path: Path) -> None:
    project.program('Thing("a")')
    output = project.up("--plan", str(tmp_path / "nowhere"), code=1)
    assert f"error: open {tmp_path / 'nowhere'}: no such file or directory" in output
    assert project.provider.cloud == {}

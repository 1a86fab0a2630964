"""`pulumi import`, run by the engine's executable."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytestmark = pytest.mark.sandbox


@pytest.fixture
def things(provider: Any, project: Any) -> Any:
    """A project whose cloud has things that a program once made and its stack has forgotten."""
    project.program('Thing("a", value="<x>", size=3)\nThing("b")')
    project.up()
    project.pulumi("state", "delete", "--all", "--yes", "--force")
    return project


def test_what_was_imported_is_what_the_program_declares(things: Any) -> None:
    (things.folder / "import.json").write_text(
        json.dumps({"resources": [{"type": "toy:index:Thing", "name": n, "id": f"{n}-1"} for n in "ab"]})
    )
    told = things.pulumi("import", "--file", "import.json", "--generate-code=false", "--yes")
    assert " =  toy:index:Thing a imported (" in told
    assert "    + 1 created\n    = 2 imported\n    3 changes\n" in told
    assert things.resource("a")["protect"] is True
    assert "importID" not in things.resource("a")
    history = json.loads(things.pulumi("stack", "history", "--json"))
    assert (history[0]["kind"], history[0]["resourceChanges"]) == (
        "resource-import",
        {"create": 1, "import": 2},
    )
    things.program('for n in "ab": Thing(n, opts=Options(protect=True, ignore_changes=["value", "size"]))')
    things.up("--expect-no-changes")

"""Policy packs over updates and previews."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.sandbox

PACK = """
from pulumi_policy import (
    EnforcementLevel, PolicyConfigSchema, PolicyPack, ResourceValidationPolicy, StackValidationPolicy)

THING = "toy:index:Thing"

def not_too_big(args, report):
    most = args.get_config()["most"]
    if args.resource_type == THING and args.props.get("size", 0) > most:
        report(f"size {int(args.props['size'])} is over {int(most)}")

def good_names(args, report):
    if args.resource_type == THING and args.name.startswith("bad"):
        report("a bad name")

def tagged(args):
    if args.resource_type == THING and "tag" not in args.props:
        return {**args.props, "tag": "added"}

def few(args, report):
    if sum(r.resource_type == THING for r in args.resources) > 2:
        report("too many things")

PolicyPack("house-rules", enforcement_level=EnforcementLevel.MANDATORY, policies=[
    ResourceValidationPolicy("size", "Things are small.", not_too_big,
        config_schema=PolicyConfigSchema({"most": {"type": "integer", "default": 5}})),
    ResourceValidationPolicy("names", "Names are good.", good_names,
        enforcement_level=EnforcementLevel.ADVISORY),
    ResourceValidationPolicy("tags", "Things have tags.", lambda args, report: None, remediate=tagged,
        enforcement_level=EnforcementLevel.REMEDIATE),
    StackValidationPolicy("few", "There are few things.", few),
])
"""


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    folder = tmp_path / "pack"
    folder.mkdir()
    (folder / "PulumiPolicy.yaml").write_text("name: house-rules\nruntime: python\nversion: 1.2.3\n")
    (folder / "__main__.py").write_text(PACK)
    return folder


def events(project: Any, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    log = project.folder / "events.json"
    log.unlink(missing_ok=True)
    project.pulumi(*arguments, "--event-log", str(log), code=code)
    return [json.loads(line) for line in log.read_text().splitlines()]


def violations(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return sorted(
        (e["policyEvent"]["policyName"], e["policyEvent"]["enforcementLevel"])
        for e in found
        if e.get("policyEvent")
    )


def test_advice_is_shown_and_remediation_changes_inputs(project: Any, pack: Path) -> None:
    project.program('Thing("badly-named", size=1)')
    found = events(project, "up", "--yes", "--skip-preview", "--policy-pack", str(pack))
    assert violations(found) == [("names", "advisory")]
    assert project.provider.cloud == {"badly-named-1": {"size": 1, "tag": "added"}}
    summary = next(e["summaryEvent"] for e in found if e.get("summaryEvent"))
    assert summary["PolicyPacks"] == {f"house-rules|local|{pack}": "1.2.3"} or len(str(pack)) > 75


def test_a_mandatory_violation_stops_the_update_before_the_resource(project: Any, pack: Path) -> None:
    project.program('Thing("a", size=9)')
    found = events(project, "up", "--yes", "--skip-preview", "--policy-pack", str(pack), code=1)
    assert violations(found) == [("size", "mandatory")]
    told = next(e["policyEvent"] for e in found if e.get("policyEvent"))
    assert "size 9 is over 5" in told["message"]
    assert told["resourceUrn"].endswith("::a")
    assert project.provider.cloud == {}


def test_a_preview_shows_every_violation_and_fails(project: Any, pack: Path) -> None:
    project.program('Thing("a", size=9)\nThing("bad", size=8)')
    found = events(project, "preview", "--policy-pack", str(pack), code=1)
    assert violations(found) == [("names", "advisory"), ("size", "mandatory"), ("size", "mandatory")]


def test_configuration_changes_what_policies_say(project: Any, pack: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"size": {"most": 10}, "names": "disabled"}))
    project.program('Thing("bad", size=9)')
    arguments = ("--policy-pack", str(pack), "--policy-pack-config", str(config))
    assert violations(events(project, "up", "--yes", "--skip-preview", *arguments)) == []
    config.write_text(json.dumps({"size": {"most": "ten"}}))
    output = project.up(*arguments, code=1)
    assert "most: Invalid type. Expected: integer, given: string" in output


def test_what_was_found_stands_before_everything_else(project: Any, pack: Path) -> None:
    project.program('Thing("bad", size=9)')
    lines = [line.strip() for line in project.up("--policy-pack", str(pack), code=1).splitlines()]
    assert "Loading policy packs...: done" in lines
    start = lines.index("Policies:")
    assert lines[start + 1].startswith("❌ house-rules@v1.2.3 (local: ")
    assert lines[start + 2 : start + 9] == [
        "- [remediate]  tags  (1 resource)",
        "- [mandatory]  size  (toy:index:Thing: bad)",
        "Things are small.",
        "size 9 is over 5",
        "- [advisory]  names  (toy:index:Thing: bad)",
        "Names are good.",
        "a bad name",
    ]
    assert "Resources:" not in lines


def test_a_configuration_without_its_pack_is_refused(project: Any, pack: Path) -> None:
    project.program('Thing("a")')
    output = project.up("--policy-pack-config", "config.json", code=1)
    assert '"--policy-pack-config" must be specified with "--policy-pack"' in output
    output = project.up("--policy-pack", str(pack), "--policy-pack-config", "nowhere.json", code=1)
    assert "error: open nowhere.json: no such file or directory" in output
    assert project.provider.cloud == {}


def test_the_stack_as_a_whole_is_judged_at_the_end(project: Any, pack: Path) -> None:
    project.program("\n".join(f'Thing("t{i}", size=1)' for i in range(3)))
    found = events(project, "up", "--yes", "--skip-preview", "--policy-pack", str(pack), code=1)
    assert violations(found) == [("few", "mandatory")]
    assert len(project.provider.cloud) == 3


def test_a_pack_that_is_nowhere_is_named(project: Any, tmp_path: Path) -> None:
    project.program('Thing("a")')
    output = project.up("--policy-pack", str(tmp_path / "nowhere"), code=1)
    assert "failed to load Pulumi policy project" in output
    assert "nowhere" in output
    assert project.provider.cloud == {}


def test_a_broken_pack_says_what_broke(project: Any, pack: Path) -> None:
    (pack / "__main__.py").write_text("raise ValueError('broken pack')")
    project.program('Thing("a")')
    output = project.up("--policy-pack", str(pack), code=1)
    assert "did not start" in output
    assert project.provider.cloud == {}

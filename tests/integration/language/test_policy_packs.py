"""Policy packs that an attached host runs."""

from __future__ import annotations

import textwrap
from pathlib import Path

from support.language_hosts import attached
from support.pulumi_engine import Project

_BOXES = """
import pulumi

for name in {names}:
    pulumi.ComponentResource("tiny:index:Box", name)
"""

_PACK = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

def check(args, report):
    if args.name == "bad":
        report("this box is bad")

PolicyPack(
    name="tiny-pack",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[ResourceValidationPolicy(name="boxes", description="boxes are good", validate=check)],
)
"""


def _pack(folder: Path, text: str = _PACK) -> Path:
    folder.mkdir()
    (folder / "PulumiPolicy.yaml").write_text("name: tiny-pack\nruntime: python\nversion: 0.1.0\n")
    (folder / "__main__.py").write_text(textwrap.dedent(text))
    return folder


def test_a_pack_passes_and_refuses(tmp_path: Path, modules: tuple[str, ...]) -> None:
    good = Project.create(tmp_path / "good", _BOXES.format(names=["fine"]))
    bad = Project.create(tmp_path / "bad", _BOXES.format(names=["fine", "bad"]))
    pack = _pack(tmp_path / "pack")
    with attached(good, bad, modules=modules, packs=[pack]) as engine:
        passed = good.pulumi(engine, "preview", "--policy-pack", str(pack))
        refused = bad.pulumi(engine, "preview", "--policy-pack", str(pack))
    assert passed.returncode == 0, passed.stdout
    assert "tiny-pack@v0.1.0" in passed.stdout
    assert refused.returncode != 0
    assert "this box is bad" in refused.stdout


def test_shows_why_a_pack_does_not_start(tmp_path: Path, modules: tuple[str, ...]) -> None:
    project = Project.create(tmp_path / "boxes", _BOXES.format(names=["fine"]))
    pack = _pack(tmp_path / "pack", "raise ValueError('no rules today')")
    with attached(project, modules=modules, packs=[pack]) as engine:
        done = project.pulumi(engine, "preview", "--policy-pack", str(pack))
    assert done.returncode != 0
    assert "no rules today" in done.stdout


def test_refuses_a_pack_that_is_not_its_own(tmp_path: Path, modules: tuple[str, ...]) -> None:
    project = Project.create(tmp_path / "boxes", _BOXES.format(names=["fine"]))
    own, foreign = _pack(tmp_path / "own"), _pack(tmp_path / "foreign")
    with attached(project, modules=modules, packs=[own]) as engine:
        done = project.pulumi(engine, "preview", "--policy-pack", str(foreign))
    assert done.returncode != 0
    assert f"does not serve the policy pack in {foreign}" in done.stdout

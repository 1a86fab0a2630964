"""A proposal's policies may tighten those of its base and not loosen them."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.rules import RULES
from runctl_auto.engine.policy_base import NOTHING_ALLOWED, STRICTER, tightened
from runctl_auto.engine.policy_pack import held_to_base, pack_in_force
from runctl_auto.errors import SettingsError
from runctl_auto.local.project import ProjectFolders
from runctl_auto.settings.schema import AwsSettings, PolicySettings, Settings

LEVEL = "enforcementLevel"


def test_every_setting_of_a_rule_has_a_stricter_side() -> None:
    assert set(STRICTER) == {(rule.name, key) for rule in RULES for key in rule.schema}


def strict(rule: str, base: dict[str, Any], project: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """The settings of one rule, and how often the base's stayed."""
    config, notes = tightened({rule: base} if base else {}, {rule: project} if project else {})
    return dict(config[rule]), len(notes)


@pytest.mark.parametrize(
    ("base", "project", "level", "notes"),
    [
        ({}, {LEVEL: "disabled"}, "mandatory", 1),
        ({}, {LEVEL: "advisory"}, "mandatory", 1),
        ({LEVEL: "advisory"}, {LEVEL: "disabled"}, "advisory", 1),
        ({LEVEL: "advisory"}, {}, "mandatory", 0),
        ({LEVEL: "disabled"}, {LEVEL: "advisory"}, "advisory", 0),
        ({LEVEL: "disabled"}, {LEVEL: "disabled"}, "disabled", 0),
    ],
)
def test_a_level_is_never_lowered(
    base: dict[str, Any], project: dict[str, Any], level: str, notes: int
) -> None:
    assert strict("bucket-guarded", base, project) == ({LEVEL: level}, notes)


def test_missing_tags_that_are_refused_stay_refused() -> None:
    assert strict("required-tags", {LEVEL: "mandatory"}, {LEVEL: "remediate"}) == ({LEVEL: "mandatory"}, 1)
    assert strict("required-tags", {}, {LEVEL: "disabled"}) == ({LEVEL: "remediate"}, 1)
    assert strict("required-tags", {}, {LEVEL: "mandatory"}) == ({LEVEL: "mandatory"}, 0)


@pytest.mark.parametrize(
    ("base", "project", "most", "notes"),
    [(10, 20, 10, 1), (20, 10, 10, 0), (10, None, 10, 1), (None, 10, 10, 0), (10, 10, 10, 0)],
)
def test_a_limit_is_never_raised(base: int | None, project: int | None, most: int, notes: int) -> None:
    found, count = strict(
        "maximum-sizes",
        {} if base is None else {"disk_gb": base},
        {} if project is None else {"disk_gb": project},
    )
    assert (found["disk_gb"], count) == (most, notes)


def test_storage_is_never_made_cheaper() -> None:
    key = "storage_price_gb_month"
    assert strict("cost-within-budget", {}, {key: 0})[0][key] == 0.08
    assert strict("cost-within-budget", {key: 0.2}, {key: 0.1}) == ({LEVEL: "mandatory", key: 0.2}, 1)
    assert strict("cost-within-budget", {key: 0.2}, {key: 0.3}) == ({LEVEL: "mandatory", key: 0.3}, 0)


@pytest.mark.parametrize(
    ("base", "project", "allowed", "notes"),
    [
        (["us-east-1", "eu-*"], ["eu-west-1"], ["eu-west-1"], 0),
        (["eu-*"], ["*"], ["eu-*"], 1),
        (["eu-*"], ["eu-*", "us-east-1"], ["eu-*"], 1),
        (["eu-*"], [], ["eu-*"], 1),
        ([], ["eu-*"], ["eu-*"], 0),
        (["eu-*"], ["us-*"], [NOTHING_ALLOWED], 1),
        (["eu-*"], ["eu-west-?"], ["eu-west-?"], 0),
        (["eu-west-?"], ["eu-*"], ["eu-west-?"], 1),
        (["eu-west-[12]"], ["eu-west-1"], ["eu-west-1"], 0),
    ],
)
def test_a_list_is_never_made_longer(
    base: list[str], project: list[str], allowed: list[str], notes: int
) -> None:
    found, count = strict(
        "allowed-regions", {"regions": base} if base else {}, {"regions": project} if project else {}
    )
    assert (found["regions"], count) == (allowed, notes)


WORDS = st.text(alphabet="ab*?", min_size=1, max_size=4)


@given(base=st.lists(WORDS, max_size=3), project=st.lists(WORDS, max_size=3), name=st.text("ab", max_size=5))
def test_what_is_allowed_is_allowed_by_both(base: list[str], project: list[str], name: str) -> None:
    config, _ = tightened({"allowed-regions": {"regions": base}}, {"allowed-regions": {"regions": project}})
    allowed = config["allowed-regions"].get("regions") or ["*"]
    if any(fnmatchcase(name, each) for each in allowed):
        for patterns in (base, project):
            assert not patterns or any(fnmatchcase(name, each) for each in patterns)


def test_the_engine_gets_the_stricter_and_the_plan_says_so(tmp_path: Path) -> None:
    project, base = tmp_path / "project", tmp_path / "base"
    for folder in (project, base):
        folder.mkdir()
    (project / "policies.yaml").write_text("bucket-guarded: disabled\nmaximum-sizes: {nodes: 9}\n")
    (base / "policies.yaml").write_text("maximum-sizes: {nodes: 2}\n")
    for named in (base, base / "policies.yaml"):
        pack = pack_in_force(PolicySettings(base=named), ProjectFolders(project))
        assert json.loads(pack.config.read_text()) == {
            "bucket-guarded": {LEVEL: "mandatory"},
            "maximum-sizes": {LEVEL: "mandatory", "nodes": 2},
        }
        assert pack.notes == (
            "maximum-sizes: nodes stays 2: the policies' base is stricter",
            "bucket-guarded: enforcementLevel stays mandatory: the policies' base is stricter",
        )
    assert pack_in_force(PolicySettings(), ProjectFolders(project)).notes == ()


def test_a_checkout_says_where_its_policies_are_and_what_is_protected(tmp_path: Path) -> None:
    boundary = "arn:aws:iam::111122223333:policy/ml"
    (tmp_path / ".runctl.toml").write_text(
        f'[aws]\npermissions_boundary = "{boundary}"\n'
        '[policies]\nprotected = ["theirs"]\nfile = "strict.yaml"\n'
    )
    (tmp_path / "strict.yaml").write_text("maximum-sizes: {nodes: 2}\n")
    (tmp_path / "project").mkdir()
    proposal = Settings(
        policies=PolicySettings(base=tmp_path, allow_skip=True, protected=("ours",)),
        aws=AwsSettings(permissions_boundary="arn:aws:iam::111122223333:policy/wide"),
    )
    held = held_to_base(proposal)
    assert (held.policies.allow_skip, held.policies.protected) == (False, ("theirs", "ours"))
    assert held.aws.permissions_boundary == boundary
    pack = pack_in_force(held.policies, ProjectFolders(tmp_path / "project"))
    assert json.loads(pack.config.read_text())["maximum-sizes"]["nodes"] == 2
    assert held_to_base(Settings()) == Settings()


def test_a_base_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="base of the policies does not exist"):
        held_to_base(Settings(policies=PolicySettings(base=tmp_path / "nowhere")))

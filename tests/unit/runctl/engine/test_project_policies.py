"""``policies.yaml``: what it may say, and what of it is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runctl_auto.engine.policy_pack import own_pack, pack_in_force, refuse_to_skip
from runctl_auto.engine.project_policies import read_project_policies
from runctl_auto.errors import PolicyViolationError, SettingsError
from runctl_auto.local.project import ProjectFolders
from runctl_auto.settings.schema import PolicySettings

WHOLE = """\
allowed-regions:
  regions: [us-east-1, eu-*]
allowed-instance-types: {types: ["g5.*"], enforcementLevel: advisory}
maximum-sizes:
  disk_gb: 100
  volume_gb: 0.5
no-ingress-from-anywhere: disabled
required-tags: mandatory
bucket-guarded: advisory
judged-at-up: disabled
cost-within-budget:
  storage_price_gb_month: 0
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "policies.yaml"


def problems(file: Path, text: str) -> list[str]:
    file.write_text(text)
    with pytest.raises(SettingsError) as raised:
        read_project_policies(file)
    assert raised.value.exit_code == 7
    return [str(each).replace(f"{file}:", "") for each in raised.value.problems]


def test_no_file_says_nothing(file: Path) -> None:
    assert read_project_policies(file) == {}


def test_all_that_may_be_said_is_read(file: Path) -> None:
    file.write_text(WHOLE)
    assert read_project_policies(file) == {
        "allowed-regions": {"regions": ["us-east-1", "eu-*"]},
        "allowed-instance-types": {"types": ["g5.*"], "enforcementLevel": "advisory"},
        "maximum-sizes": {"disk_gb": 100, "volume_gb": 0.5},
        "no-ingress-from-anywhere": {"enforcementLevel": "disabled"},
        "required-tags": {"enforcementLevel": "mandatory"},
        "bucket-guarded": {"enforcementLevel": "advisory"},
        "judged-at-up": {"enforcementLevel": "disabled"},
        "cost-within-budget": {"storage_price_gb_month": 0},
    }


def test_all_that_is_wrong_is_told_at_once(file: Path) -> None:
    text = """\
allowed-region: mandatory
volume-encrypted: off
spot-one-time: strict
instance-metadata-v2: remediate
allowed-regions: {regions: us-east-1, region: [x]}
maximum-sizes: {disk_gb: 0, nodes: many, enforcementLevel: never}
"""
    assert problems(file, text) == [
        "1:1: allowed-region: is not a rule; did you mean 'allowed-regions'?",
        "2:1: volume-encrypted: is no level; found false; allowed: mandatory, advisory, disabled",
        '3:1: spot-one-time: is no level; found "strict"; allowed: mandatory, advisory, disabled',
        '4:1: instance-metadata-v2: is no level; found "remediate"; allowed: mandatory, advisory, disabled',
        '5:19: allowed-regions.regions: is not right here; found "us-east-1"; '
        "allowed: regions such as us-east-1 or eu-*; none: all",
        "5:39: allowed-regions.region: is not a setting of this rule; allowed: enforcementLevel, regions; "
        "did you mean 'regions'?",
        "6:17: maximum-sizes.disk_gb: is not right here; found 0; allowed: GB of a machine's own disk",
        '6:29: maximum-sizes.nodes: is not right here; found "many"; allowed: machines of a job',
        '6:42: maximum-sizes.enforcementLevel: is no level; found "never"; '
        "allowed: mandatory, advisory, disabled",
    ]


@pytest.mark.parametrize("text", ["[1]", "a: [", "a: &x 1\nb: *x\n", "\x00"])
def test_what_cannot_be_read_is_a_settings_error(file: Path, text: str) -> None:
    assert problems(file, text)


class TestPackInForce:
    def test_the_project_folder_holds_what_the_engine_reads(self, tmp_path: Path) -> None:
        (tmp_path / "strict.yaml").write_text("maximum-sizes: {nodes: 2}\n")
        settings = PolicySettings(file=Path("strict.yaml"))
        for _ in range(2):  # the second time nothing changes
            pack = pack_in_force(settings, ProjectFolders(tmp_path))
            assert json.loads(pack.config.read_text()) == {"maximum-sizes": {"nodes": 2}}
        assert pack.config.stat().st_mode & 0o077 == 0
        assert list((tmp_path / ".runctl").glob(".policies-*")) == []

    def test_the_pack_lies_beside_the_program(self) -> None:
        assert (own_pack() / "PulumiPolicy.yaml").is_file()
        assert (own_pack() / "__main__.py").is_file()

    def test_going_without_needs_the_permission_of_the_settings(self) -> None:
        refuse_to_skip(PolicySettings(allow_skip=True))
        with pytest.raises(PolicyViolationError) as raised:
            refuse_to_skip(PolicySettings())
        assert raised.value.exit_code == 4
        assert "allow_skip" in str(raised.value.next_step)

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path

from runctl_auto.engine.language.packages import Package, attached_providers, packages_in, packages_of


def test_names_the_plugin_of_an_installed_sdk() -> None:
    version = importlib.metadata.version("pulumi-aws")
    assert packages_of(["pulumi_aws", "no_such_sdk", "json"], {}) == [Package("aws", version)]


def test_leaves_out_what_is_attached() -> None:
    assert packages_of(["pulumi_aws"], {"PULUMI_DEBUG_PROVIDERS": "random:1,aws:4000"}) == []


def test_reads_the_names_of_attached_providers() -> None:
    assert attached_providers({"PULUMI_DEBUG_PROVIDERS": "aws:4000,tls:1"}) == {"aws", "tls"}
    assert attached_providers({"PULUMI_DEBUG_PROVIDERS": ""}) == frozenset()
    assert attached_providers({}) == frozenset()


def test_finds_the_plugins_in_a_folder(tmp_path: Path) -> None:
    site = tmp_path / "site"
    for name, content in {
        "pulumi_one": {"resource": True, "name": "one", "version": "1.2.3", "server": "https://example.org"},
        "pulumi_none": {"resource": False, "name": "none", "version": "1.0.0"},
        "pulumi_made": {
            "resource": True,
            "name": "made",
            "version": "1.0.0",
            "parameterization": {"name": "x"},
        },
        "pulumi_attached": {"resource": True, "name": "attached", "version": "1.0.0"},
        "pulumi_unversioned": {"resource": True, "name": "unversioned"},
    }.items():
        (site / name).mkdir(parents=True)
        (site / name / "pulumi-plugin.json").write_text(json.dumps(content))
    found = packages_in([site, tmp_path / "none"], {"PULUMI_DEBUG_PROVIDERS": "attached:1"})
    assert found == [Package("one", "1.2.3", "https://example.org")]

"""Which plugins default providers are when nobody says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.engine.deploy.providers.default_resources import PluginSource, default_name
from sandbox.engine.deploy.providers.default_versions import default_sources
from sandbox.engine.deploy.request import OperationKind, OperationRequest, Program
from sandbox.engine.model import Resource


def _request(root: Path, **program: Any) -> OperationRequest:
    where = Program(root, runtime_options={"virtualenv": "venv"}, **program)
    return OperationRequest(OperationKind.UPDATE, "p", "s", where)


@pytest.fixture
def packages(tmp_path: Path) -> Any:
    """Installs Python packages that describe plugins."""
    (tmp_path / "venv/bin").mkdir(parents=True)
    (tmp_path / "venv/bin/python").touch()

    def install(**described: Any) -> Path:
        for name, content in described.items():
            folder = tmp_path / f"venv/lib/python3.11/site-packages/{name}"
            folder.mkdir(parents=True)
            text = content if isinstance(content, str) else json.dumps(content)
            (folder / "pulumi-plugin.json").write_text(text)
        return tmp_path

    return install


def provider(package: str, **inputs: Any) -> Resource:
    kind = f"pulumi:providers:{package}"
    return Resource(f"urn:pulumi:s::p::{kind}::x", kind, custom=True, id="1", inputs=inputs)


def test_python_packages_say_which_plugin_they_are_made_for(packages: Any) -> None:
    root = packages(
        pulumi_aws={"resource": True, "name": "aws", "version": "7.51.1"},
        pulumi_toy={"resource": True, "name": "toy", "version": "v2.0.0", "server": "https://toys"},
        pulumi_policy={"resource": False},
        pulumi_broken="{",
        pulumi_list="[]",
    )
    assert default_sources(_request(root), [provider("old", version="1.0.0")]) == {
        "aws": PluginSource("7.51.1"),
        "toy": PluginSource("2.0.0", "https://toys"),
    }


@pytest.mark.parametrize("inline", [True, False])
def test_else_the_newest_of_the_stack_s_providers_counts(packages: Any, inline: bool) -> None:
    root = packages(pulumi_aws={"resource": inline, "name": "aws", "version": "7.51.1"})
    resources = [
        provider("toy", version="1.10.0", __internal={"pluginDownloadURL": "u"}),
        provider("toy", version="1.9.0"),
        provider("toy", version="1.10.0-alpha.1"),
        provider("toy"),
        Resource("urn:pulumi:s::p::toy:index:T::x", "toy:index:T", custom=True),
    ]
    request = _request(root, client_address="127.0.0.1:1" if inline else None)
    assert default_sources(request, resources) == {"toy": PluginSource("1.10.0", "u")}


def test_the_name_of_a_default_provider_tells_its_plugin() -> None:
    assert default_name(PluginSource()) == "default"
    assert default_name(PluginSource("7.51.1-a+b")) == "default_7_51_1_a_b"
    assert default_name(PluginSource("1.0.0", "https://x.y/z")) == "default_1_0_0_https_//x.y/z"

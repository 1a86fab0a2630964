"""The official download, from the probe to the check, with a stand-in for its host."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.engine_installations import Installations, with_fake_go
from support.https_host import https_host

from runctl_auto.engine.install.official import HOST
from runctl_auto.engine.install.pinned import pinned_version
from runctl_auto.engine.install.place import engine_place, installed

_INSTALL_SCRIPT = """#!/bin/sh
while [ $# -gt 0 ]; do
    case "$1" in
    --install-root) root=$2; shift ;;
    --version) version=$2; shift ;;
    esac
    shift
done
[ "$version" = WANTED ] || { echo "no release $version"; exit 1; }
mkdir -p "$root/bin"
printf '#!/bin/sh\\necho v%s\\n' "$version" > "$root/bin/pulumi"
chmod 0755 "$root/bin/pulumi"
"""


@pytest.fixture
def installations(tmp_path: Path) -> Installations:
    return with_fake_go(tmp_path)


def _script(version: str) -> bytes:
    return _INSTALL_SCRIPT.replace("WANTED", version.removeprefix("v")).encode()


@pytest.mark.parametrize("source", ["auto", "download"])
def test_a_release_is_downloaded(installations: Installations, source: str) -> None:
    with https_host(HOST, {"/install.sh": _script(pinned_version())}, installations.folder) as host:
        code, messages = installations.run("--source", source, has_packages=True, **host.variables)
    assert code == 0, messages
    assert installed(installations.environ) is not None
    assert (installations.builds(), host.requests) == (0, ["HEAD /install.sh", "GET /install.sh"])
    assert '"how": "download"' in (engine_place(installations.environ).root / "engine.json").read_text()


def test_an_early_run_leaves_the_download_to_a_later_one(installations: Installations) -> None:
    with https_host(HOST, {"/install.sh": _script(pinned_version())}, installations.folder) as host:
        code, messages = installations.run("--early", **host.variables)
    assert (code, installations.builds(), installations.left_behind()) == (0, 0, []), messages


def test_an_early_run_builds_when_the_host_refuses(installations: Installations) -> None:
    with https_host(HOST, {}, installations.folder) as host:
        code, messages = installations.run("--early", **host.variables)
    assert (code, installations.builds()) == (0, 1), messages


def test_a_release_that_is_missing_is_replaced_by_a_build(installations: Installations) -> None:
    with https_host(HOST, {"/install.sh": _script("v3.0.0")}, installations.folder) as host:
        code, messages = installations.run(has_packages=True, **host.variables)
    assert (code, installations.builds()) == (0, 1), messages


def test_a_release_that_is_missing_is_an_error_when_it_was_asked_for(installations: Installations) -> None:
    with https_host(HOST, {"/install.sh": _script("v3.0.0")}, installations.folder) as host:
        code, messages = installations.run("--source", "download", has_packages=True, **host.variables)
    assert (code, installations.left_behind()) == (1, []), messages
    assert f"no release {pinned_version().removeprefix('v')}" in messages

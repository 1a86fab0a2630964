from __future__ import annotations

import platform

import pytest

from runctl_auto.engine.install.archives import ARCHIVES, Archive, archive_of, this_system

SHA = "a" * 64
TABLE = f"# comment\n\nv1.2.3 linux-x64 {SHA}\nv1.2.3 darwin-arm64 {'b' * 64}\n"


def test_a_release_is_found_by_version_and_system() -> None:
    url = "https://get.pulumi.com/releases/sdk/pulumi-v1.2.3-linux-x64.tar.gz"
    assert archive_of("v1.2.3", "linux-x64", TABLE) == Archive(url, SHA)
    assert archive_of("v1.2.4", "linux-x64", TABLE) is None
    assert archive_of("v1.2.3", "linux-arm64", TABLE) is None


@pytest.mark.parametrize(
    "line", ["v1.2.3 linux-x64", f"v1.2.3 linux-x64 {SHA[:-1]}", f"1.2.3 linux-x64 {SHA}", "x"]
)
def test_a_line_without_a_checksum_is_an_error(line: str) -> None:
    with pytest.raises(ValueError, match="not an archive"):
        archive_of("v1.2.3", "linux-x64", line)


def test_the_projects_table_can_be_read() -> None:
    archive_of("v0.0.0", "linux-x64", ARCHIVES.read_text(encoding="ascii"))


@pytest.mark.parametrize(
    ("system", "machine", "found"),
    [
        ("Linux", "x86_64", "linux-x64"),
        ("Linux", "aarch64", "linux-arm64"),
        ("Darwin", "arm64", "darwin-arm64"),
        ("Linux", "riscv64", "linux-riscv64"),
    ],
)
def test_this_machine_in_pulumis_words(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, found: str
) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert this_system() == found

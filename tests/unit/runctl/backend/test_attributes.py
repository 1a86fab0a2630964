"""Attribute files that a killed engine left unreadable."""

from __future__ import annotations

from pathlib import Path

import pytest

from runctl_auto.backend.attributes import remove_unreadable
from runctl_auto.backend.backend import open_backend

GOOD = b'{"user.content_type":"application/json","md5":"x"}'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / ".pulumi"
    for name in (
        "meta.yaml",
        "stacks/runctl/digits.json",
        "stacks/runctl/digits.json.bak",
        "stacks/runctl/letters.json",
        "locks/organization/runctl/digits/a.json",
        "history/runctl/digits/digits-1.history.json",
    ):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}")
        file.with_name(f"{file.name}.attrs").write_bytes(GOOD)
    return root


def names(root: Path) -> set[str]:
    return {each.relative_to(root).as_posix() for each in root.rglob("*") if each.is_file()}


@pytest.mark.parametrize("content", [b"", b'{"user.cont'])
@pytest.mark.parametrize(
    "name",
    [
        "meta.yaml.attrs",
        "stacks/runctl/digits.json.attrs",
        "stacks/runctl/digits.json.bak.attrs",
        "locks/organization/runctl/digits/a.json.attrs",
        "history/runctl/digits/digits-1.history.json.attrs",
    ],
)
def test_an_unreadable_one_is_removed_alone(root: Path, name: str, content: bytes) -> None:
    before = names(root)
    (root / name).write_bytes(content)
    assert remove_unreadable(root, "runctl", "digits") == (root / name,)
    assert names(root) == before - {name}


def test_readable_ones_and_those_of_other_stacks_stay(root: Path) -> None:
    before = names(root)
    (root / "stacks/runctl/letters.json.attrs").write_bytes(b"")
    assert remove_unreadable(root, "runctl", "digits") == ()
    assert names(root) == before


def test_a_backend_repairs_its_folder(root: Path) -> None:
    backend = open_backend(root.parent.as_uri(), "runctl")
    assert not backend.repair("digits")
    (root / "stacks/runctl/digits.json.attrs").write_bytes(b"")
    assert backend.repair("digits")
    assert not backend.repair("digits")


def test_a_backend_elsewhere_has_none() -> None:
    assert not open_backend("s3://states", "runctl").repair("digits")

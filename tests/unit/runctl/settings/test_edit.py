"""Changes of the settings file: comments and form stay, nothing invalid is written, nothing half."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runctl_auto.errors import SettingsError
from runctl_auto.settings.edit import set_setting, unset_setting

TEXT = """# who pays
owner = 'me'   # that is me

[engine]  # the engine
path   =   "/opt/pulumi"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / ".runctl.toml"
    path.write_text(TEXT)
    return path


def test_only_what_was_asked_changes(file: Path) -> None:
    set_setting(file, ("owner",), "you")
    assert file.read_text() == TEXT.replace("'me'", '"you"')
    set_setting(file, ("engine", "parallel"), "3")
    assert file.read_text().endswith('path   =   "/opt/pulumi"\nparallel = 3\n')


@pytest.mark.parametrize(
    ("path", "text", "written"),
    [
        (("sandbox",), "yes", "sandbox = true\n"),
        (("max_parallel_jobs",), "7", "max_parallel_jobs = 7\n"),
        (("aws", "profile"), "work", '[aws]\nprofile = "work"\n'),
        (("aws", "profile"), "007", '[aws]\nprofile = "007"\n'),
        (("checkpoint", "directory"), "here", '[checkpoint]\ndirectory = "here"\n'),
        (
            ("policies", "protected"),
            "vol-12345678, bucket",
            '[policies]\nprotected = ["vol-12345678", "bucket"]\n',
        ),
        (("policies", "protected"), '["bucket"]', '[policies]\nprotected = ["bucket"]\n'),
        (("policies", "protected"), "", "[policies]\nprotected = []\n"),
    ],
)
def test_values_get_the_type_of_their_setting(
    tmp_path: Path, path: tuple[str, ...], text: str, written: str
) -> None:
    file = tmp_path / "new" / ".runctl.toml"
    set_setting(file, path, text)
    assert file.read_text() == written


@pytest.mark.parametrize(
    "text",
    ['[aws]\nprofile = "a"\n', 'aws = {profile = "a"}\n', 'aws.profile = "a" # x\n', '"aws".profile="a"\n'],
)
def test_every_way_to_write_a_table_is_kept(tmp_path: Path, text: str) -> None:
    file = tmp_path / "s.toml"
    file.write_text(text)
    set_setting(file, ("aws", "profile"), "b")
    assert file.read_text() == text.replace('"a"', '"b"')
    assert unset_setting(file, ("aws", "profile"))
    assert not unset_setting(file, ("aws", "profile"))
    assert "profile" not in file.read_text()


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        (("engine", "parallel"), "1000", "is out of range; found 1000; allowed: a whole number"),
        (("engine", "parallel"), "many", 'has no such value; found "many"; allowed: a whole number'),
        (("engine", "parallel"), "steam", "allowed: a whole number from 1 to 256"),
        (("sandbox",), "maybe", "true or false"),
        (("owner",), "a\x1b[31m", "cannot be the value of a tag"),
        (("aws", "endpoint_url"), "nonsense", "must be a URL"),
        (("aws", "enabled"), "false", "at least one provider"),
        (("policies", "protected"), "[" * 9000, "has no such value"),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_what_is_not_allowed_is_not_written(file: Path, path: tuple[str, ...], text: str, said: str) -> None:
    with pytest.raises(SettingsError) as raised:
        set_setting(file, path, text)
    assert said in str(raised.value)
    assert file.read_text() == TEXT
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_a_file_that_is_wrong_already_is_left_alone(file: Path) -> None:
    for text, said in (
        ("ownr = 1\n", "ownr: unknown setting"),
        ("owner = \n", "not TOML"),
        ("aws = 3\n", "aws"),
    ):
        file.write_text(text)
        with pytest.raises(SettingsError, match=said):
            set_setting(file, ("aws", "profile"), "x")
        assert file.read_text() == text


def test_a_link_stays_a_link_and_the_mode_stays(file: Path, tmp_path: Path) -> None:
    real = tmp_path / "real.toml"
    file.rename(real)
    real.chmod(0o600)
    file.symlink_to(real.name)
    set_setting(file, ("owner",), "you")
    assert file.is_symlink()
    assert "you" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o600


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SettingsError, match="not a regular file"):
        set_setting(tmp_path / "pipe", ("owner",), "x")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(SettingsError, match="cannot be"):
        set_setting(tmp_path / "taken" / ".runctl.toml", ("owner",), "x")


@settings(max_examples=20, deadline=None)
@given(owner=st.text(alphabet=st.characters(categories=["L", "N"]), min_size=1, max_size=20))
def test_any_text_is_read_back_as_it_was_given(owner: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.getbasetemp() / "read-back.toml"
    file.write_text(TEXT)
    set_setting(file, ("aws", "profile"), owner)
    assert f'profile = "{owner}"' in file.read_text()

"""A stack's settings file: read leniently, written only when nothing of others could be harmed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from runctl_auto.errors import EngineError, UntrustedError
from runctl_auto.local.project import ProjectFolders
from runctl_auto.stack.settings_file import (
    encrypted_value,
    put_encrypted_value,
    read_config,
    refuse_redirecting,
    set_aside,
    write_config,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "Pulumi.j1.yaml"


def test_only_runctls_own_values_are_read(file: Path) -> None:
    file.write_text(
        "encryptionsalt: v1:x\nconfig:\n  runctl:a: text\n  runctl:n: 5\n  aws:region: eu-west-1\n"
    )
    assert read_config(file) == {"runctl:a": "text", "runctl:n": "5"}
    assert read_config(file.with_name("absent")) == {}


@pytest.mark.parametrize("content", [b"config: [", b"\xff", b"- a", b"config: 3"])
def test_a_broken_file_is_told(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(EngineError, match="cannot be read") as raised:
        read_config(file)
    assert raised.value.where["file"] == str(file)


def test_writing_keeps_the_key_and_other_values(file: Path) -> None:
    file.write_text("encryptionsalt: v1:x\nconfig:\n  runctl:a: old\n  aws:region: eu-west-1\n")
    assert write_config(file, {"runctl:a": "new", "runctl:b": "2"})
    assert yaml.safe_load(file.read_text()) == {
        "encryptionsalt": "v1:x",
        "config": {"runctl:a": "new", "runctl:b": "2", "aws:region": "eu-west-1"},
    }
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_a_new_file_is_made(file: Path) -> None:
    assert write_config(file, {"runctl:a": "x"})
    assert read_config(file) == {"runctl:a": "x"}


@pytest.mark.parametrize(
    "content",
    ["environment: [prod]\n", "config:\n  app:list: [1]\n", "config:\n  app:key: {secure: [1]}\n"],
    ids=["environments", "structures", "secrets inside structures"],
)
def test_what_only_the_engine_may_rewrite_is_left_to_it(file: Path, content: str) -> None:
    file.write_text(content)
    assert not write_config(file, {"runctl:a": "x"})
    assert file.read_text() == content


@settings(max_examples=40)
@given(value=st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=60))
def test_every_text_survives(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    file = tmp_path_factory.mktemp("s") / "Pulumi.j1.yaml"
    assert write_config(file, {"runctl:a": value})
    assert read_config(file) == {"runctl:a": value}


def test_what_is_set_aside_is_kept(tmp_path: Path, file: Path) -> None:
    file.write_text("config: {}\n")
    set_aside(file, ProjectFolders(tmp_path))
    assert not file.exists()
    assert (tmp_path / ".runctl" / "other-settings" / file.name).read_text() == "config: {}\n"


SECRETS = "runctl:secrets"


def test_what_is_encrypted_is_not_read_as_a_value_and_stays_as_it_is(file: Path) -> None:
    file.write_text(f"config:\n  {SECRETS}:\n    secure: v1:AAAB\n  runctl:a: old\n")
    assert read_config(file) == {"runctl:a": "old"}
    assert write_config(file, {"runctl:a": "new"})
    assert encrypted_value(file, SECRETS) == "v1:AAAB"
    assert read_config(file) == {"runctl:a": "new"}


def test_ciphertexts_are_put_back_and_taken_away(file: Path) -> None:
    file.write_text("encryptionsalt: v1:x\nconfig:\n  runctl:a: x\n")
    assert encrypted_value(file, SECRETS) is None
    put_encrypted_value(file, SECRETS, "v1:AAAB")
    assert encrypted_value(file, SECRETS) == "v1:AAAB"
    put_encrypted_value(file, SECRETS, None)
    assert yaml.safe_load(file.read_text()) == {"encryptionsalt": "v1:x", "config": {"runctl:a": "x"}}
    assert encrypted_value(file.with_name("absent"), SECRETS) is None


def test_a_link_is_neither_read_nor_written_through(file: Path, tmp_path: Path) -> None:
    precious = tmp_path / "home" / "precious"
    precious.parent.mkdir()
    precious.write_text("config:\n  runctl:a: theirs\n")
    file.symlink_to(precious)
    for use in (read_config, lambda path: write_config(path, {"runctl:a": "x"})):
        with pytest.raises(EngineError, match="is a link"):
            use(file)
    assert encrypted_value(file, "runctl:secrets") is None
    assert precious.read_text() == "config:\n  runctl:a: theirs\n"


@pytest.mark.parametrize("name", [".Pulumi.j1.yaml.new", ".Pulumi.j1.yaml-new"])
def test_a_planted_name_beside_the_file_is_not_written_through(file: Path, tmp_path: Path, name: str) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    file.with_name(name).symlink_to(precious)
    assert write_config(file, {"runctl:a": "x"})
    assert precious.read_text() == "precious"


def test_a_pipe_is_not_waited_for(file: Path) -> None:
    os.mkfifo(file)
    with pytest.raises(EngineError, match="is not a regular file"):
        read_config(file)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("secretsprovider: awskms://alias/evil\n", "encrypts with awskms://alias/evil, not with passphrase"),
        ("config: {'aws:endpoints': [{ec2: 'https://evil'}]}\n", "sets aws:endpoints, which could send"),
        ("config: {'aws:profile': admin}\n", "sets aws:profile"),
        ("config: {'aws:assumeRole': {roleArn: x}}\n", "sets aws:assumeRole"),
    ],
)
def test_a_file_that_redirects_is_refused(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    with pytest.raises(UntrustedError, match=said):
        refuse_redirecting(file, "passphrase")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secretsprovider: awskms://own\n",
        "encryptionsalt: v1:x\nconfig: {'aws:region': eu-west-1, 'runctl:a': x}\n",
    ],
)
def test_a_file_that_says_what_the_settings_say_is_fine(file: Path, text: str) -> None:
    refuse_redirecting(file, "awskms://own")
    file.write_text(text)
    refuse_redirecting(file, "awskms://own")

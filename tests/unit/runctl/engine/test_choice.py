"""Which engine is chosen, in which order, and why others are refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from runctl_auto.engine.choice import choose_engine
from runctl_auto.engine.install.pinned import pinned_version
from runctl_auto.engine.install.place import engine_place, write_record
from runctl_auto.errors import EngineNotFoundError

MINIMUM = "3.272.0"


class Versions:
    """Answers for executables by path; counts the questions."""

    def __init__(self, answers: Mapping[Path, str | None]) -> None:
        self.answers = answers
        self.asked: list[Path] = []

    def __call__(self, executable: Path, _environ: Mapping[str, str]) -> str | None:
        self.asked.append(executable)
        return self.answers[executable]


def _executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x7fELF engine")
    path.chmod(0o755)
    return path


def _environ(tmp_path: Path, *folders: Path, **more: str) -> dict[str, str]:
    path = ":".join(map(str, folders))
    return {"XDG_DATA_HOME": f"{tmp_path}/data", "XDG_CACHE_HOME": f"{tmp_path}/cache", "PATH": path, **more}


def _installed(environ: Mapping[str, str]) -> Path:
    root = engine_place(environ).root
    _executable(root / "bin" / "pulumi")
    write_record(root, pinned_version(), {})
    return root


def test_a_named_engine_comes_first(tmp_path: Path) -> None:
    named, other = _executable(tmp_path / "a/bin/pulumi"), _executable(tmp_path / "b/bin/pulumi")
    environ = _environ(tmp_path, other.parent)
    _installed(environ)
    versions = Versions({named: "v3.280.0", other: "v3.280.0"})
    engine = choose_engine(str(named), environ, minimum=MINIMUM, ask=versions)
    assert (engine.root, engine.version) == (tmp_path / "a", "v3.280.0")
    assert engine.why == "named by engine.path"


def test_a_root_folder_may_be_named_and_the_variable_is_stronger(tmp_path: Path) -> None:
    named = _executable(tmp_path / "a/bin/pulumi")
    environ = _environ(tmp_path, RUNCTL_ENGINE=str(tmp_path / "a"))
    engine = choose_engine(
        str(tmp_path / "other"), environ, minimum=MINIMUM, ask=Versions({named: "v3.272.0"})
    )
    assert (engine.root, engine.why) == (tmp_path / "a", "named by RUNCTL_ENGINE")


@pytest.mark.parametrize(
    ("printed", "reason"),
    [
        (None, "fails"),
        ("", "prints nothing"),
        ("hello", "is no version"),
        ("v3.271.9", "older than 3.272.0"),
        ("v3.272.0-alpha.1", "older than 3.272.0"),
        ("v4.0.0", "another major version"),
    ],
)
def test_a_named_engine_that_cannot_be_used_is_an_error(
    tmp_path: Path, printed: str | None, reason: str
) -> None:
    named = _executable(tmp_path / "a/bin/pulumi")
    environ = _environ(tmp_path)
    _installed(environ)
    with pytest.raises(EngineNotFoundError, match=reason) as raised:
        choose_engine(str(named), environ, minimum=MINIMUM, ask=Versions({named: printed}))
    assert str(named) in raised.value.what
    assert "engine.path" in str(raised.value.next_step)


@pytest.mark.parametrize("name", ["missing/bin/pulumi", "empty", "a/bin/other", "a/tools/pulumi"])
def test_a_name_that_the_automation_api_cannot_use_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    _executable(tmp_path / "a/bin/other")
    _executable(tmp_path / "a/tools/pulumi")
    with pytest.raises(EngineNotFoundError, match="cannot be used"):
        choose_engine(str(tmp_path / name), _environ(tmp_path), minimum=MINIMUM, ask=Versions({}))


def test_a_file_that_cannot_be_executed_is_refused(tmp_path: Path) -> None:
    named = _executable(tmp_path / "a/bin/pulumi")
    named.chmod(0o644)
    with pytest.raises(EngineNotFoundError, match="not executable"):
        choose_engine(str(named), _environ(tmp_path), minimum=MINIMUM, ask=Versions({}))


def test_path_comes_before_the_installed_one(tmp_path: Path) -> None:
    found = _executable(tmp_path / "a/bin/pulumi")
    environ = _environ(tmp_path, tmp_path / "none", found.parent)
    _installed(environ)
    engine = choose_engine(None, environ, minimum=MINIMUM, ask=Versions({found: "v3.273.1+dirty"}))
    assert engine.root == tmp_path / "a"


def test_the_first_compatible_one_of_path_is_taken(tmp_path: Path) -> None:
    old, new = _executable(tmp_path / "a/bin/pulumi"), _executable(tmp_path / "b/bin/pulumi")
    environ = _environ(tmp_path, old.parent, new.parent)
    engine = choose_engine(None, environ, minimum=MINIMUM, ask=Versions({old: "v3.200.0", new: "v3.272.0"}))
    assert engine.root == tmp_path / "b"


def test_a_link_on_path_is_followed_when_its_folder_is_not_named_bin(tmp_path: Path) -> None:
    real = _executable(tmp_path / "a/bin/pulumi")
    shims = tmp_path / "shims"
    shims.mkdir()
    (shims / "pulumi").symlink_to(real)
    engine = choose_engine(None, _environ(tmp_path, shims), minimum=MINIMUM, ask=Versions({real: "v3.272.0"}))
    assert engine.root == tmp_path / "a"


def test_a_link_in_a_folder_named_bin_is_used_as_it_is(tmp_path: Path) -> None:
    real = _executable(tmp_path / "opt/pulumi-3/pulumi")
    link = tmp_path / "local/bin/pulumi"
    link.parent.mkdir(parents=True)
    link.symlink_to(real)
    engine = choose_engine(
        None, _environ(tmp_path, link.parent), minimum=MINIMUM, ask=Versions({link: "v3.272.0"})
    )
    assert engine.root == tmp_path / "local"


def test_the_installed_one_needs_no_process(tmp_path: Path) -> None:
    environ = _environ(tmp_path)
    root = _installed(environ)
    versions = Versions({})
    engine = choose_engine(None, environ, minimum=MINIMUM, ask=versions)
    assert (engine.root, engine.version, versions.asked) == (root, pinned_version(), [])


def test_without_any_the_error_names_all_ways_and_what_was_refused(tmp_path: Path) -> None:
    old, misplaced = _executable(tmp_path / "a/bin/pulumi"), _executable(tmp_path / "shims/pulumi")
    environ = _environ(tmp_path, old.parent, misplaced.parent)
    with pytest.raises(EngineNotFoundError) as raised:
        choose_engine(None, environ, minimum=MINIMUM, ask=Versions({old: "v3.200.0"}))
    for way in ("runctl setup", "PATH", "RUNCTL_ENGINE", "engine.path"):
        assert way in str(raised.value.next_step)
    assert raised.value.where["needed"] == "pulumi 3.272.0 or newer, below 4"
    assert f"{old}: its version v3.200.0 is older" in raised.value.where["refused"]
    assert f"{misplaced}: it is not named pulumi in a folder named bin" in raised.value.where["refused"]


def test_the_minimum_is_the_version_of_the_sdk(tmp_path: Path) -> None:
    from importlib.metadata import version

    with pytest.raises(EngineNotFoundError) as raised:
        choose_engine(None, _environ(tmp_path))
    assert version("pulumi") in raised.value.where["needed"]


def test_the_pinned_engine_is_itself_compatible(tmp_path: Path) -> None:
    named = _executable(tmp_path / "a/bin/pulumi")
    engine = choose_engine(str(named), _environ(tmp_path), ask=Versions({named: pinned_version()}))
    assert engine.version == pinned_version()

"""Without the extra ``runctl[sandbox]`` the sandbox is refused with the command that installs it."""

from __future__ import annotations

from pathlib import Path

import pytest
import tomlkit

from runctl_auto.engine.sandbox_extra import MODULES, require_sandbox_extra
from runctl_auto.errors import SandboxError

ROOT = Path(__file__).resolve().parents[4]


def test_with_the_extra_nothing_is_said() -> None:
    require_sandbox_extra()
    require_sandbox_extra(lambda name: object())


@pytest.mark.parametrize("absent", MODULES)
def test_without_it_the_error_says_how_to_get_it(absent: str) -> None:
    with pytest.raises(SandboxError) as raised:
        require_sandbox_extra(lambda name: None if name == absent else object())
    assert raised.value.where == {"missing": absent}
    assert "uv tool install 'runctl[sandbox]'" in str(raised.value.next_step)
    assert "pip install 'runctl[sandbox]'" in str(raised.value.next_step)


def test_a_plain_install_has_no_emulator() -> None:
    project = tomlkit.parse((ROOT / "pyproject.toml").read_text()).unwrap()["project"]
    assert not [each for each in project["dependencies"] if each.startswith("moto")]
    assert [each for each in project["optional-dependencies"]["sandbox"] if each.startswith("moto")]

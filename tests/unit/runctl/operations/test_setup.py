"""``setup``: installs what is missing, uses what is there, and says what cannot be had."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest

from runctl_auto.engine.automation_edge import install_plugin
from runctl_auto.engine.choice import Engine, choose_engine
from runctl_auto.engine.install.installation import Installed, install
from runctl_auto.engine.install.place import engine_place, executable, write_record
from runctl_auto.engine.install.stages import no_progress
from runctl_auto.engine.language.beside_engine import install_beside
from runctl_auto.engine.language.errors import LanguageHostError
from runctl_auto.errors import EngineError, EngineNotFoundError
from runctl_auto.operations.setup import SetupResult, Tools, setup
from runctl_auto.settings.schema import Settings

ON_PATH = Engine(Path("/usr"), "v3.274.1", "first compatible pulumi on PATH")


class World:
    """A person's data folder, and tools that do not leave this process."""

    def __init__(self, folder: Path) -> None:
        self.environ = {"XDG_DATA_HOME": str(folder), "HOME": str(folder)}
        self.place = engine_place(self.environ)
        self.choose = create_autospec(choose_engine, side_effect=self._choose)
        self.install = create_autospec(install, side_effect=self._install)
        self.beside = create_autospec(install_beside, return_value=[])
        self.plugin = create_autospec(install_plugin, return_value=True)
        self.on_path: Engine | None = None

    def _choose(self, setting: str | None, environ: Mapping[str, str]) -> Engine:
        if self.on_path is not None and setting is None:
            return self.on_path
        if setting is None and self.place.root.exists():
            return Engine(self.place.root, self.place.version, "installed by `runctl setup`")
        raise EngineNotFoundError("There is no engine.", next_step="Run `runctl setup`.")

    def _install(self, environ: Mapping[str, str], source: str, progress: Any) -> Installed:
        file = executable(self.place.root)
        file.parent.mkdir(parents=True)
        file.write_text("engine")
        file.chmod(0o755)
        write_record(self.place.root, self.place.version, {})
        return Installed(self.place.root, self.place.version, "build", 170.0, was_there=False)

    def setup(self, source: Any = "auto", **settings: Any) -> SetupResult:
        tools = Tools(self.choose, self.install, self.beside, self.plugin)
        return setup(Settings.model_validate(settings), self.environ, source, no_progress, tools)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_missing_engine_is_installed_with_the_language_host_beside_it(world: World) -> None:
    done = world.setup()
    assert (done.engine.root, done.how, done.seconds) == (world.place.root, "build", 170.0)
    world.beside.assert_called_once_with(world.place.root / "bin")
    assert [(each.installed, each.problem) for each in done.plugins] == [(True, None)]


def test_an_engine_on_path_is_used_as_it_is(world: World) -> None:
    world.on_path = ON_PATH
    assert world.setup().engine == ON_PATH
    world.install.assert_not_called()
    world.beside.assert_not_called()


def test_who_asks_for_a_source_gets_the_pinned_engine(world: World) -> None:
    world.on_path = ON_PATH
    assert world.setup("build").how == "build"
    world.beside.assert_called_once_with(world.place.root / "bin")


def test_an_installed_engine_gets_the_present_language_host(world: World) -> None:
    world.setup()
    again = world.setup()
    assert (again.how, world.install.call_count, world.beside.call_count) == (None, 1, 2)


def test_a_named_engine_that_cannot_be_used_is_not_replaced(world: World) -> None:
    with pytest.raises(EngineNotFoundError):
        world.setup(engine={"path": "/nowhere"})
    world.install.assert_not_called()


def test_the_sandbox_needs_no_plugin(world: World) -> None:
    assert world.setup(sandbox=True).plugins == ()
    world.plugin.assert_not_called()


def test_a_plugin_that_cannot_be_had_is_told(world: World) -> None:
    world.plugin.side_effect = EngineNotFoundError("The plugin could not be installed: no such host")
    (plugin,) = world.setup().plugins
    assert not plugin.installed
    assert "no such host" in (plugin.problem or "")


def test_a_language_host_that_cannot_be_written_is_an_error(world: World) -> None:
    world.beside.side_effect = LanguageHostError("read-only", next_step="Make it writable.")
    with pytest.raises(EngineError, match="read-only") as raised:
        world.setup()
    assert raised.value.next_step == "Make it writable."

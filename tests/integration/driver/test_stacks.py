"""The driver on an engine: a stack's life, its settings file, its locks, and what goes wrong."""

from __future__ import annotations

import json
import shutil
import socket
import sys
from pathlib import Path

import pytest
from support.engine_root import engine

from runctl_auto.backend.backend import Backend
from runctl_auto.engine.choice import Engine
from runctl_auto.engine.driver import Driver
from runctl_auto.engine.engine_options import EngineOptions
from runctl_auto.engine.environment import Environment
from runctl_auto.engine.events import EngineEvent, StepEvent
from runctl_auto.errors import (
    EngineError,
    JobNotFoundError,
    ProgramError,
    ProtectedError,
    RunctlError,
    StackLockedError,
)
from runctl_auto.local.project import ProjectFolders
from runctl_auto.stack.settings_file import BACKEND_KEY
from runctl_auto.stack.state import StackState

pytestmark = pytest.mark.sandbox

PROGRAM = """
import pulumi

config = pulumi.Config("runctl")
if config.get("wrong"):
    raise KeyError(config.get("wrong"))


class Thing(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("test:index:Thing", name, {}, opts)


for name in (config.get("things") or "a,b").split(","):
    Thing(name, pulumi.ResourceOptions(protect=name == "precious"))
pulumi.export("things", config.get("things"))
pulumi.export("hidden", pulumi.Output.secret("s"))
"""


class World:
    """A project with a program of its own and any number of backends."""

    def __init__(self, folder: Path) -> None:
        self.folders = ProjectFolders(folder)
        self.events: list[EngineEvent] = []
        (folder / "program").mkdir()
        (folder / "program" / "__main__.py").write_text(PROGRAM)
        (folder / "Pulumi.yaml").write_text("name: runctl\nmain: program/\nruntime:\n  name: python\n")
        (folder / "passphrase").write_text("x")

    def driver(self, backend: str = "one", options: EngineOptions | None = None) -> Driver:
        state = self.folders.make_private() / backend
        state.mkdir(exist_ok=True)
        variables = {
            "PULUMI_BACKEND_URL": state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(self.folders.root / "passphrase"),
            "PULUMI_HOME": str(self.folders.root / "home"),
            "PULUMI_PYTHON_CMD": sys.executable,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        environment = Environment(True, engine(), state.as_uri(), "passphrase", variables)
        return Driver(environment, self.folders, options or EngineOptions(on_event=self.events.append))

    @property
    def settings_file(self) -> Path:
        return self.folders.root / "Pulumi.j1.yaml"


def urns(driver: Driver, job: str) -> list[str]:
    """What many stacks' states tell, here of one."""
    (found,) = driver.states([job]).values()
    assert isinstance(found, StackState)
    return [each.urn for each in found.resources]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_the_life_of_a_stack(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = world.driver()
    with pytest.raises(JobNotFoundError):
        driver.open("j1")
    stack = driver.open_or_create("j1")
    assert stack.config() == {}
    assert stack.outputs() == {}
    assert not stack.state().resources

    stack.set_config({"runctl:things": "a,b,c"})
    assert stack.config()["runctl:things"] == "a,b,c"
    plan = stack.preview()
    assert sorted(each.name for each in plan.changes if each.type == "test:index:Thing") == ["a", "b", "c"]
    assert not [each for each in world.events if isinstance(each, StepEvent)], "nothing has happened yet"

    assert stack.up().counts["create"] == 4
    assert {each.name for each in world.events if isinstance(each, StepEvent)} >= {"a", "b", "c"}
    assert stack.outputs() == {"things": "a,b,c"}, "secrets stay hidden"
    from_files = urns(driver, "j1")
    monkeypatch.setattr(Backend, "states", lambda backend, stacks: {})
    assert urns(driver, "j1") == from_files
    assert len(from_files) == 4
    assert stack.up().nothing
    assert stack.preview().changes == ()
    assert [each.name for each in driver.jobs()] == ["j1"]

    stack.set_config({"runctl:things": "a"})
    assert stack.preview().count("delete") == 2
    assert stack.up().counts["delete"] == 2
    assert stack.preview_destroy().count("delete") >= 1
    stack.destroy()
    assert not stack.state().resources
    stack.remove()
    assert driver.jobs() == ()
    assert not world.settings_file.exists()


def test_configuration_is_written_only_when_it_differs(world: World) -> None:
    stack = world.driver().open_or_create("j1")
    stack.set_config({"runctl:things": '{"a": [1, 2], "quoted": "x=\\"y\\""}'})
    before = world.settings_file.stat().st_mtime_ns
    stack.set_config({"runctl:things": '{"a": [1, 2], "quoted": "x=\\"y\\""}'})
    assert world.settings_file.stat().st_mtime_ns == before


def test_settings_of_another_backend_are_set_aside_and_come_back_from_history(world: World) -> None:
    first = world.driver("one").open_or_create("j1")
    first.set_config({"runctl:things": "from-one"})
    first.up()

    second = world.driver("two").open_or_create("j1")
    assert second.config() == {}
    second.set_config({"runctl:things": "from-two"})
    second.up()

    again = world.driver("one").open("j1")
    assert again.config()["runctl:things"] == "from-one"
    assert again.config()[BACKEND_KEY].endswith("/one")
    assert again.up().nothing


def test_another_checkout_gets_the_configuration_from_history(world: World) -> None:
    stack = world.driver().open_or_create("j1")
    stack.set_config({"runctl:things": "x,y"})
    stack.up()
    world.settings_file.unlink()
    assert world.driver().open("j1").config()["runctl:things"] == "x,y"


def test_a_key_of_an_erased_backend_does_no_harm(world: World) -> None:
    world.driver("one").open_or_create("j1").set_config({"runctl:things": "x"})
    shutil.rmtree(world.folders.private / "one")
    (world.folders.root / "passphrase").write_text("another")
    assert world.driver("one").open_or_create("j1").config() == {}


def test_protected_things_stay_and_are_said_to(world: World) -> None:
    stack = world.driver().open_or_create("j1")
    stack.set_config({"runctl:things": "a,precious"})
    stack.up()
    stack.set_config({"runctl:things": "a"})
    with pytest.raises(ProtectedError):
        stack.up()
    stack.destroy()
    assert {each.name for each in stack.state().resources if each.protect} == {"precious"}
    assert stack.preview_destroy().changes == ()


def test_a_program_that_raises_is_told_as_that(world: World) -> None:
    stack = world.driver().open_or_create("j1")
    stack.set_config({"runctl:wrong": "the-reason"})
    with pytest.raises(ProgramError, match="the-reason"):
        stack.up()


def plant_lock(world: World, pid: int, host: str) -> Path:
    folder = world.folders.private / "one" / ".pulumi" / "locks" / "organization" / "runctl" / "j1"
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / "planted.json"
    lock.write_text(
        json.dumps({"pid": pid, "username": "ann", "hostname": host, "timestamp": "2026-01-01T00:00:00Z"})
    )
    return lock


def test_the_lock_of_a_dead_process_is_removed(world: World) -> None:
    stack = world.driver().open_or_create("j1")
    lock = plant_lock(world, 2**22 + 1, socket.gethostname())
    assert stack.up().counts["create"] == 3
    assert not lock.exists()


@pytest.mark.parametrize("host", ["elsewhere", None])
def test_the_lock_of_who_may_live_is_respected(world: World, host: str | None) -> None:
    stack = world.driver().open_or_create("j1")
    lock = plant_lock(world, 1, host or socket.gethostname())
    lock.write_text(lock.read_text().replace("2026-01-01", "2999-01-01"))
    with pytest.raises(StackLockedError, match="ann@") as raised:
        stack.up()
    assert lock.exists()
    assert raised.value.owners


def test_an_engine_that_does_not_start_is_told(world: World, tmp_path: Path) -> None:
    broken = tmp_path / "broken" / "bin"
    broken.mkdir(parents=True)
    (broken / "pulumi").write_text("#!/bin/sh\nexit 3\n")
    (broken / "pulumi").chmod(0o755)
    environment = Environment(True, Engine(broken.parent, "v3.274.1", ""), "file:///x", "passphrase", {})
    with pytest.raises(RunctlError, match="does not start") as raised:
        Driver(environment, world.folders).create("j1")
    assert isinstance(raised.value, EngineError)

"""The host installed beside an engine, started by plain ``pulumi``."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.language_hosts import attached
from support.pulumi_engine import Project, engine_root, is_alive, wait_until

from runctl_auto.engine.language.beside_engine import DYNAMIC_PROVIDER, LANGUAGE_PLUGIN, install_beside
from runctl_auto.engine.language.packages import packages_in, site_folders

_PYTHON = {"PULUMI_PYTHON_CMD": sys.executable}

_BOXES = """
    import pulumi

    class Box(pulumi.ComponentResource):
        def __init__(self, name, opts=None):
            super().__init__("tiny:index:Box", name, None, opts)
            self.register_outputs({"name": name})

    outer = Box("outer")
    Box("inner", pulumi.ResourceOptions(parent=outer, protect=True))
    pulumi.export("names", ["outer", "inner"])
    pulumi.export("hidden", pulumi.Output.secret("text"))
    """

_DYNAMIC = """
    import pulumi
    from pulumi import dynamic

    class Provider(dynamic.ResourceProvider):
        def create(self, props):
            return dynamic.CreateResult("made-1", {**props, "double": props["number"] * 2})

    class Thing(dynamic.Resource):
        double: pulumi.Output[int]

        def __init__(self, name, number):
            super().__init__(Provider(), name, {"number": number, "double": None})

    pulumi.export("double", Thing("thing", 21).double)
    """


Create = Callable[[str, str], Project]


@pytest.fixture
def create(tmp_path: Path) -> Create:
    """Makes projects, by name and program, that run on an engine with the host installed beside it."""
    engine = tmp_path / "engine"
    (engine / "bin").mkdir(parents=True)
    _link(engine_root() / "bin" / "pulumi", engine / "bin" / "pulumi")
    assert len(install_beside(engine / "bin")) == 2
    return lambda name, program: Project.create(tmp_path / name, program, engine=engine)


def _link(file: Path, target: Path) -> None:
    """By a hard link where it can be: an engine looks for its plugins where its file really lies."""
    try:
        target.hardlink_to(file)
    except OSError:
        shutil.copy2(file, target)


def _plan(project: Project, engine: Mapping[str, str]) -> dict[str, Any]:
    done = project.pulumi(engine, "preview", "--json")
    assert done.returncode == 0, done.stdout
    plan: dict[str, Any] = json.loads(done.stdout)
    del plan["duration"]
    for step in plan["steps"]:
        for frame in list(step["newState"].get("stackTrace", ())):
            if not frame.get("sourcePosition", "").startswith("project:///__main__.py"):
                step["newState"]["stackTrace"].remove(frame)  # of the host, or of the SDK
    return plan


def test_gives_the_plan_that_an_attached_host_gives(tmp_path: Path, create: Create) -> None:
    project = create("boxes", _BOXES)
    plain = _plan(project, _PYTHON)
    with attached(project, modules=("pulumi",)) as engine:
        warm = _plan(project, engine)
    assert len(plain["steps"]) == 3
    assert plain == warm


def test_runs_a_policy_pack(tmp_path: Path, create: Create) -> None:
    project = create("boxes", _BOXES)
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "PulumiPolicy.yaml").write_text("name: tiny-pack\nruntime: python\n")
    (pack / "__main__.py").write_text(
        "from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy\n"
        "def check(args, report):\n"
        "    if args.name == 'inner':\n"
        "        report('no inner boxes')\n"
        "PolicyPack('tiny-pack', enforcement_level=EnforcementLevel.MANDATORY, policies=[\n"
        "    ResourceValidationPolicy('boxes', 'boxes are outer', check)])\n"
    )
    done = project.pulumi(_PYTHON, "preview", "--policy-pack", str(pack))
    assert done.returncode != 0
    assert "no inner boxes" in done.stdout


def test_makes_dynamic_resources(tmp_path: Path, create: Create) -> None:
    project = create("dynamic", _DYNAMIC)
    done = project.pulumi(_PYTHON, "up", "--yes", "--skip-preview")
    assert done.returncode == 0, done.stdout
    assert "double: 42" in done.stdout


def test_shows_what_a_program_writes_and_how_it_fails(tmp_path: Path, create: Create) -> None:
    project = create("fails", "print('it ran')\nraise ValueError('on purpose')\n")
    done = project.pulumi(_PYTHON, "preview")
    assert done.returncode != 0
    assert "it ran" in done.stdout
    assert "ValueError: on purpose" in done.stdout
    assert "runctl-language-host" not in done.stdout


def test_a_program_gets_the_engines_environment(tmp_path: Path, create: Create) -> None:
    project = create("reads", "import os\nprint('it says', os.environ['ONLY_ENGINE'])\n")
    done = project.pulumi({**_PYTHON, "ONLY_ENGINE": "hello"}, "preview")
    assert "it says hello" in done.stdout, done.stdout


def test_uses_the_virtual_environment_of_the_project(tmp_path: Path, create: Create) -> None:
    project = create("own", "import sys\nprint('prefix', sys.prefix)\n")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(project.folder / "venv")], check=True)
    site = next((project.folder / "venv").glob("lib/python*/site-packages"))
    Path(site, "outside.pth").write_text("\n".join(each for each in sys.path if each.endswith("-packages")))
    (project.folder / "Pulumi.yaml").write_text(
        "name: own\nruntime:\n  name: python\n  options:\n    virtualenv: venv\n"
    )
    done = project.pulumi(_PYTHON, "preview")
    assert done.returncode == 0, done.stdout
    assert f"prefix {project.folder / 'venv'}" in done.stdout


def test_a_missing_virtual_environment_is_named(tmp_path: Path, create: Create) -> None:
    project = create("own", "")
    (project.folder / "Pulumi.yaml").write_text(
        "name: own\nruntime:\n  name: python\n  options:\n    virtualenv: nowhere\n"
    )
    done = project.pulumi(_PYTHON, "preview")
    assert done.returncode != 0
    assert f"{project.folder / 'nowhere'}, does not exist" in done.stdout


@pytest.mark.parametrize("how", ["ended", "killed"])
def test_ends_with_its_engine(tmp_path: Path, create: Create, how: str) -> None:
    waits = "while True:\n    time.sleep(1)\n" if how == "killed" else ""
    project = create(
        "waits",
        "import os, pathlib, time\n"
        "note = pathlib.Path('processes')\n"
        "note.with_suffix('.new').write_text(f'{os.getpid()} {os.getppid()}')\n"
        "note.with_suffix('.new').rename(note)\n" + waits,
    )
    engine = project.start(_PYTHON, "preview")
    note = project.folder / "processes"
    wait_until(note.exists, "the program runs")
    if how == "killed":
        engine.kill()
    engine.communicate(timeout=120)
    for each in note.read_text().split():
        wait_until(lambda each=each: not is_alive(int(each)), f"process {each} ends")


def test_the_launcher_finds_another_python_when_its_own_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    install_beside(folder, python=str(tmp_path / "gone" / "python"))
    launcher = str(folder / LANGUAGE_PLUGIN)
    found = subprocess.run(
        [launcher, "127.0.0.1:1"],
        env={"PATH": "/usr/bin:/bin", "PULUMI_PYTHON_CMD": sys.executable},
        input="",  # the end of its input is the end of its engine
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip().isdigit()


@pytest.mark.parametrize("name", [LANGUAGE_PLUGIN, DYNAMIC_PROVIDER])
def test_the_launcher_says_what_is_missing_when_there_is_no_python(tmp_path: Path, name: str) -> None:
    folder, tools = tmp_path / "bin", tmp_path / "tools"
    folder.mkdir()
    tools.mkdir()
    for tool in ("sh", "dirname", "readlink"):
        (tools / tool).symlink_to(f"/bin/{tool}" if Path(f"/bin/{tool}").exists() else f"/usr/bin/{tool}")
    install_beside(folder, python=str(tmp_path / "gone" / "python"))
    done = subprocess.run(
        [str(folder / name), "127.0.0.1:1"],
        env={"PATH": str(tools)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert f"{name}: no Python found that can import" in done.stderr
    assert "PULUMI_PYTHON_CMD" in done.stderr


def test_asks_an_interpreter_for_the_plugins_of_its_sdks() -> None:
    assert "aws" in [each.name for each in packages_in(site_folders(sys.executable, {}), {})]
    assert site_folders("/no/such/python", {}) == []

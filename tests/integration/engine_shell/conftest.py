"""The executable, run as programs run it, and the recordings beside the project when they are there."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
ENGINE = PROJECT / "sandbox" / "engine"
RECORDED = PROJECT.parent / "shared" / "recorded"


@dataclass
class Cli:
    """The executable in a project's folder."""

    folder: Path
    environment: dict[str, str]
    executable: Path = ENGINE / "bin" / "pulumi"
    more: dict[str, str] = field(default_factory=dict)

    def start(self, *words, **environment):
        """Starts a command; the caller ends it."""
        return subprocess.Popen(
            [self.executable, *words],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words, **environment):
        """Runs a command to its end: its exit code, stdout, stderr."""
        process = self.start(*words, **environment)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def ok(self, *words, **environment):
        """Runs a command that must succeed: its stdout."""
        code, out, err = self.run(*words, **environment)
        assert code == 0, err + out
        return out

    def json(self, *words):
        """Runs a command that prints JSON."""
        return json.loads(self.ok(*words))


@pytest.fixture
def cli(tmp_path):
    """A project `p` whose state is in `tmp_path/state`."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    return Cli(folder, environment_for(tmp_path))


def environment_for(tmp_path):
    """What the executable gets of this process's environment, and where it keeps things."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PULUMI_")}
    return kept | {
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": f"file://{tmp_path}/state",
        "PULUMI_CONFIG_PASSPHRASE": "x",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


@pytest.fixture
def recorded():
    """The folder of recordings; the test is skipped without it."""
    if not RECORDED.is_dir():
        pytest.skip("the recordings are not beside the project")
    return RECORDED


@dataclass
class ScriptedProvider:
    """The provider of the recordings, which fails where it is told to."""

    control: Path
    port: int

    def fail(self, faults):
        """Lets calls fail: operation to names of resources."""
        self.control.write_text(json.dumps({"fail": faults}))


@pytest.fixture
def scripted_provider(recorded, tmp_path):
    control = tmp_path / "control.json"
    control.write_text("{}")
    command = [sys.executable, recorded / "scripted_provider.py", control, tmp_path / "dump.json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield ScriptedProvider(control, int(process.stdout.readline()))
        process.terminate()


@pytest.fixture
def installed(tmp_path):
    """The engine copied to where an installation puts it: its folder of packages."""
    packages = tmp_path / "environment" / "lib" / "python3" / "site-packages"
    shutil.copytree(ENGINE, packages / "sandbox" / "engine", ignore=shutil.ignore_patterns("__pycache__"))
    (packages / "sandbox" / "__init__.py").touch()
    binaries = tmp_path / "environment" / "bin"
    binaries.mkdir()
    (binaries / "python3").symlink_to(sys.executable)
    return packages

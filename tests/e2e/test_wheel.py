"""The wheel in an environment of its own, as `pipx` makes it.

The main job runs from what was installed; what a person's folder holds under the same names shadows nothing.
The emulated cloud comes with the extra ``runctl[sandbox]`` only.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.cloud_scanner import leaks
from support.counting_job import write_job
from support.runctl_cli import FOREIGN, Runctl

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]
_CHECKOUT = Path(__file__).resolve().parents[2]
_SHADOWS = ("components", "policies", "stacks", "sandbox", "runctl_auto")


class InstalledRunctl(Runctl):
    """`runctl --sandbox` of the environment at `folder.parent / "environment"`."""

    def command(self, *arguments: str) -> list[str]:
        return [str(self.folder.parent / "environment" / "bin" / "runctl"), "--sandbox", *arguments]

    def environment(self) -> dict[str, str]:
        variables = super().environment()
        own = Path(sys.executable).parent
        kept = [place for place in variables["PATH"].split(os.pathsep) if Path(place) != own]
        return {**variables, "PATH": os.pathsep.join(kept)}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> InstalledRunctl:
    return install_wheel(tmp_path_factory.mktemp("installed"), extras="[sandbox]")


@pytest.fixture(scope="module")
def installed_without_extras(tmp_path_factory: pytest.TempPathFactory) -> InstalledRunctl:
    return install_wheel(tmp_path_factory.mktemp("plain"), extras="")


def install_wheel(folder: Path, *, extras: str) -> InstalledRunctl:
    clean = {name: value for name, value in os.environ.items() if not name.startswith((*FOREIGN, "PYTHON"))}

    def run(*command: str) -> None:
        done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"

    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", ".", str(_CHECKOUT))
    run(sys.executable, "-m", "venv", "environment")
    (wheel,) = folder.glob("runctl-*.whl")
    run("environment/bin/python", "-m", "pip", "install", "--quiet", f"{wheel}{extras}")

    project = folder / "project"
    project.mkdir()
    for name in _SHADOWS:
        (project / f"{name}.py").write_text("raise SystemExit('a file of the person was imported')\n")
    return InstalledRunctl(project)


def test_the_main_job_runs_from_the_wheel(installed: InstalledRunctl) -> None:
    installed("sandbox", "start")
    try:
        cloud_url = str(installed.json("sandbox", "status")["cloud_url"])
        job = write_job(installed.folder, "wheel")
        installed("preview", str(job))
        result = installed.json("up", str(job), "--yes")
        assert result["phase"] == "succeeded"
        receipt = installed.json("down", "wheel", "--yes")
        assert receipt["nothing_left"]
        assert leaks("wheel", cloud_url) == []
    finally:
        installed("sandbox", "stop")


def test_the_policy_pack_of_the_wheel_judges(installed: InstalledRunctl) -> None:
    (installed.folder / "policies.yaml").write_text("allowed-regions: {regions: [eu-*]}\n")
    installed("sandbox", "start")
    try:
        ran = installed("up", str(write_job(installed.folder, "refused")), "--yes", code=4)
        assert "region: region is us-east-1; allowed: eu-*" in ran.err
    finally:
        (installed.folder / "policies.yaml").unlink()
        installed("sandbox", "stop")


def test_nothing_is_taken_from_the_checkout(installed: InstalledRunctl) -> None:
    python = installed.folder.parent / "environment" / "bin" / "python"
    script = "import runctl_auto, sandbox; print(runctl_auto.__file__, sandbox.__file__)"
    done = subprocess.run(
        [str(python), "-I", "-c", script], cwd=installed.folder, capture_output=True, text=True, check=True
    )
    assert str(_CHECKOUT) not in done.stdout


def test_a_production_install_has_no_emulator_and_says_how_to_get_it(
    installed_without_extras: InstalledRunctl,
) -> None:
    python = installed_without_extras.folder.parent / "environment" / "bin" / "python"
    listed = subprocess.run(
        [str(python), "-m", "pip", "list", "--format", "json"], capture_output=True, text=True, check=True
    )
    names = {each["name"].lower() for each in json.loads(listed.stdout)}
    assert "runctl" in names
    assert not names & {"moto", "flask", "werkzeug", "responses"}
    started = installed_without_extras("sandbox", "start", code=1)
    assert "uv tool install 'runctl[sandbox]'" in started.err
    job = write_job(installed_without_extras.folder, "wheel")
    assert "runctl[sandbox]" in installed_without_extras("up", str(job), "--yes", code=1).err
    installed_without_extras("validate", str(job))

"""`runctl init` writes a job that runs at once; what is hostile reaches neither cloud nor backend."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.cloud_scanner import leaks, read_inventory
from support.counting_job import write_job
from support.runctl_cli import Runctl

pytestmark = [pytest.mark.sandbox, pytest.mark.matrix]

SMALL = "name: hostile\nregion: us-east-1\nrun: 'true'\n"
HOSTILE = [
    "",
    "a: &a [x, x]\nb: &b [*a, *a]\n",
    SMALL + "setup: !!python/object/apply:os.system ['touch owned']\n",
    SMALL + "name: again\n",
    SMALL + "workdir: ../../..\n",
    SMALL + "workdir: /etc\n",
    SMALL + "artifacts: {paths: [../../etc/passwd]}\n",
    SMALL + "checkpoints: {path: /var}\n",
    SMALL + "nodes: .inf\n",
    SMALL + "colour: red\n",
    SMALL + 'run: "\\ud800"\n',
    "x: " + "[" * 5000,
]


def test_a_first_job_runs_as_it_was_written(runctl: Runctl, cloud_url: str, ended: list[str]) -> None:
    ended.append("first-try")
    folder = runctl.folder / "first-try"
    folder.mkdir()
    (folder / "train.py").write_text(
        "import os, pathlib\n"
        "(pathlib.Path(os.environ['RUNCTL_OUTPUT_DIR']) / 'model').write_text('trained')\n"
    )
    file = str(folder / "job.yaml")
    assert runctl.json("init", file, "--yes")["job"]["name"] == "first-try"
    assert runctl.json("validate", file)["not_supported_yet"] == []
    result = runctl.json("up", file, "--yes")
    assert result["phase"] == "succeeded"
    assert (Path(result["artifacts"]["folder"]) / "output" / "model").read_text() == "trained"
    assert runctl.json("down", "first-try", "--yes")["nothing_left"]
    assert leaks("first-try", cloud_url) == []


def test_no_more_jobs_run_at_once_than_the_settings_permit(
    runctl: Runctl, cloud_url: str, ended: list[str]
) -> None:
    limited = Runctl(runctl.folder, env={"RUNCTL_MAX_PARALLEL_JOBS": "1"})
    ended.append("runs-alone")
    first = str(write_job(runctl.folder, "runs-alone", env={"HOLD_AT": "2"}))
    limited.json("up", first, "--yes", "--detach")
    second = str(write_job(runctl.folder, "comes-second"))
    error = limited.json("up", second, "--yes", code=4)["error"]
    assert error["kind"] == "too-many-jobs"
    assert "runs-alone" in error["what"]
    assert leaks("comes-second", cloud_url) == []
    assert "comes-second" not in [job["job"] for job in runctl.json("ls")["jobs"]]
    assert not limited.json("up", first, "--yes", "--detach")["changed"], "the one that runs is no other"


def test_results_come_home_where_the_settings_say(runctl: Runctl, ended: list[str]) -> None:
    elsewhere = Runctl(runctl.folder, env={"RUNCTL_CHECKPOINT_DIRECTORY": "results"})
    ended.append("elsewhere")
    job = str(write_job(runctl.folder, "elsewhere"))
    result = elsewhere.json("up", job, "--yes")
    home = runctl.folder / "results" / "elsewhere" / result["run"]
    assert result["artifacts"]["folder"] == str(home)
    assert (home / "model" / "metrics.json").exists()
    assert not elsewhere.json("up", job, "--yes")["changed"], "what came home is no code"


def test_hostile_job_files_change_nothing_that_runs(runctl: Runctl, cloud_url: str) -> None:
    folder = runctl.folder / "hostile"
    folder.mkdir()
    (folder / "far").symlink_to("/etc")
    before, jobs = read_inventory(cloud_url), runctl.json("ls")
    for content in [*HOSTILE, SMALL]:  # the last is refused for the link
        (folder / "job.yaml").write_text(content)
        error = runctl.json("up", str(folder / "job.yaml"), "--yes", code=7)["error"]
        assert error["kind"] in ("job-file", "packaging")
    assert read_inventory(cloud_url) == before
    assert runctl.json("ls") == jobs
    assert sorted(each.name for each in folder.iterdir()) == ["far", "job.yaml"]
    print(f"\n{len(HOSTILE) + 1} hostile job files: 0 changes in cloud, backend and folder")

"""Which files of a folder are jobs; what is none is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.counting_job import write_job

from runctl_auto.jobs.folder.job_files import JobFiles, read_job_files
from runctl_auto.jobs.folder.work_folders import WorkFolders


def read(folder: Path) -> JobFiles:
    return read_job_files(folder, WorkFolders().check, policies=folder / "policies.yaml")


def told(found: JobFiles) -> dict[str, str]:
    return {each.file: each.what for each in found.others}


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("compose.yaml", "services: {web: {image: nginx}}\n", "a Compose file"),
        ("ci.yml", "name: ci\non: push\njobs: {}\n", "a GitHub workflow"),
        ("deployment.yaml", "apiVersion: apps/v1\nkind: Deployment\n---\na: 1\n", "a Kubernetes manifest"),
        ("policies.yaml", "allowed-regions: {regions: [us-east-1]}\n", "the project's policies"),
        ("Pulumi.digits.yaml", "config: {}\n", "settings of Pulumi"),
        (".gitlab-ci.yml", "test: {script: [make]}\n", "a GitLab pipeline"),
        ("list.yaml", "- 1\n- 2\n", "no job: a list or a text"),
        ("values.yaml", "name: x\n", "no job: it has neither"),
        ("empty.yaml", "\n", "an empty file"),
        ("hooks.yaml", "repos:\n- repo: local\n", "hooks for pre-commit"),
    ],
)
def test_what_is_no_job_is_told_and_no_error(tmp_path: Path, name: str, content: str, what: str) -> None:
    (tmp_path / name).write_text(content)
    found = read(tmp_path)
    assert found.files == ()
    assert told(found)[name].startswith(what)


def test_jobs_at_any_depth_and_errors_beside_them(tmp_path: Path) -> None:
    (tmp_path / "team" / "nlp").mkdir(parents=True)
    write_job(tmp_path / "team" / "nlp", "deep")
    write_job(tmp_path, "wrong", regoin="us-east-1")
    (tmp_path / "broken.yml").write_text("name: [\n")
    (tmp_path / "notes.txt").write_text("name: no\nrun: no\n")
    found = read(tmp_path)
    assert [(each.name, each.job, each.error is None) for each in found.files] == [
        ("broken.yml", None, False),
        ("team/nlp/deep.yaml", "deep", True),
        ("wrong.yaml", "wrong", False),
    ]


def test_ignore_files_work_as_gits(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_job(tmp_path / name, name)
    write_job(tmp_path, "draft-a")
    write_job(tmp_path, "draft-b")
    (tmp_path / ".runctlignore").write_text("draft-*\n!draft-b*\n/two/\n")
    (tmp_path / "one" / ".runctlignore").write_text("*.yaml\n")
    found = read(tmp_path)
    assert [each.name for each in found.files] == ["draft-b.yaml"]
    left_out = told(found)
    assert left_out["draft-a.yaml"] == "left out by .runctlignore:1: draft-*"
    assert left_out["two/"] == "left out by .runctlignore:3: /two/"
    assert left_out["one/one.yaml"] == "left out by one/.runctlignore:1: *.yaml"


def test_private_folders_and_results_are_never_walked(tmp_path: Path) -> None:
    for folder in (".git", ".runctl", ".venv"):
        (tmp_path / folder).mkdir()
        write_job(tmp_path / folder, "hidden")
    assert read(tmp_path).files == ()


def test_a_link_that_leads_out_is_an_error_of_that_file(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / ".runctl.toml").write_text("")
    outside = write_job(tmp_path, "outside")
    (project / "job.yaml").symlink_to(outside)
    (project / "loop").symlink_to(project, target_is_directory=True)
    found = read(project)
    assert [(each.name, each.error is None) for each in found.files] == [("job.yaml", False)]

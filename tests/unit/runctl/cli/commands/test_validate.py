"""`runctl validate` shows what would travel, without a cloud: cases of work folders that failed elsewhere."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from support.output_schemas import check_output

from runctl_auto.cli.main import run

JOB = "name: digits\nregion: us-east-1\nrun: python train.py\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository as git makes it, without commits; no git is on PATH."""
    folder = tmp_path / "project"
    for name in ("objects", "refs", "info"):
        (folder / ".git" / name).mkdir(parents=True)
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.chdir(folder)
    put(folder, "job.yaml", JOB)
    return folder


def put(folder: Path, name: str, content: str = "x") -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def test_a_package_that_whitelists_reach_into(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(project, "code/.gitignore", "*\n!*/\n!*.py\n")
    put(project, "code/deep/model.py")
    put(project, "code/notes.txt")
    put(project, "runs/__init__.py", "x = 1")
    put(project, "secret.txt")
    put(project, ".git/info/exclude", "secret.txt\n")
    (project / "logs").mkdir()
    assert run(["validate", "job.yaml"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "  work folder: 3 files, 58 B, 1 empty folder; --show-files lists them",
        "    largest: job.yaml 52 B, runs/__init__.py 5 B, code/deep/model.py 1 B",
        "    left out: code/.gitignore and 1 more (code/.gitignore:1: *), "
        "secret.txt (.git/info/exclude:1: secret.txt)",
    ]
    assert run(["validate", "job.yaml", "--show-files"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "  work folder: 3 files, 58 B, 1 empty folder",
        "          1 B  code/deep/model.py",
        "         52 B  job.yaml",
        "          5 B  runs/__init__.py",
        "        empty  logs/",
        "  left out:",
        "    code/.gitignore  (code/.gitignore:1: *)",
        "    code/notes.txt  (code/.gitignore:1: *)",
        "    secret.txt  (.git/info/exclude:1: secret.txt)",
    ]


def test_the_json_says_the_same(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(project, "data/a", "x" * 3000)
    put(project, ".gitignore", "*.bin\n")
    put(project, "a.bin")
    for more in ([], ["--show-files"]):
        arguments = ["--output", "json", "validate", "job.yaml", *more]
        assert run(arguments) == 0
        out = capsys.readouterr().out
        check_output(arguments, out)
        told = json.loads(out)["work_folder"]
        assert (told["files"], told["largest"][0]) == (3, {"name": "data/a", "bytes": 3000})
        assert told["left_out"] == [{"name": "a.bin", "why": ".gitignore:1: *.bin"}]
        assert (told["all_files"] is None) == (not more)


def test_a_work_folder_that_a_rule_names_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(project, ".gitignore", "scratch/\n")
    put(project, "scratch/job.yaml", JOB)
    for command in (["validate"], ["preview"], ["up", "--yes"]):
        assert run([*command, "scratch/job.yaml"]) == 7
        said = capsys.readouterr().err
        assert f"nothing of the work folder {project / 'scratch'} travels" in said
        assert "../.gitignore:1: scratch/" in said
        assert ".runctlignore" in said


def test_a_folder_of_only_ignored_files_and_an_empty_one_are_refused(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(project, "jobs/job.yaml", JOB + "workdir: ../code\n")
    (project / "code").mkdir()
    assert run(["validate", "jobs/job.yaml"]) == 7
    assert "it holds no file" in capsys.readouterr().err
    put(project, "code/__pycache__/m.pyc")
    assert run(["validate", "jobs/job.yaml"]) == 7
    assert "__pycache__/ is left out (compiled modules of Python)" in capsys.readouterr().err


def test_a_link_to_itself_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, target in (("dangling", "nowhere"), (".#train.py", "user@host.1234"), ("loop", "loop")):
        (project / name).symlink_to(target)
    assert run(["validate", "job.yaml"]) == 7
    assert "error: loop is a link that leads back to itself" in capsys.readouterr().err
    (project / "loop").unlink()
    assert run(["validate", "job.yaml"]) == 0


def test_too_much_is_refused_before_anything_is_rented(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(project, "data/images/a")
    os.truncate(project / "data/images/a", 11 << 30)
    assert run(["validate", "job.yaml"]) == 7
    said = capsys.readouterr().err
    assert "holds 11264 MB, more than the 10240 MB that may travel" in said
    assert "the heaviest folders: data/images/ (11264 MB)" in said
    assert "`data:`" in said


def test_names_that_would_break_a_terminal_are_escaped(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(project, "a\x1b[31m\n.txt")
    (project / b"\xff.txt".decode("utf-8", "surrogateescape")).write_text("x")
    assert run(["validate", "job.yaml", "--show-files"]) == 0
    out = capsys.readouterr().out
    assert "a\\x1b[31m\\n.txt" in out
    assert out.replace("\n", "").isprintable()

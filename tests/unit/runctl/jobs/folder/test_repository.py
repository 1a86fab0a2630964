"""A repository has one name, whatever its address and wherever it is checked out."""

from __future__ import annotations

from pathlib import Path

import pytest

from runctl_auto.jobs.folder.repository import remote_name, repository_of


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/team/jobs.git",
        "https://github.com/team/jobs",
        "https://ann:s3cret@github.com/team/jobs.git",
        "git@github.com:team/jobs.git",
        "ssh://git@github.com:22/team/jobs.git/",
        "git://GitHub.com/team/jobs",
    ],
)
def test_addresses_of_one_repository(url: str) -> None:
    assert remote_name(url) == "github.com/team/jobs"


@pytest.mark.parametrize(
    "url", ["/srv/jobs.git", "file:///srv/jobs.git", "../jobs", "", "https://github.com/"]
)
def test_a_path_on_this_machine_is_no_name(url: str) -> None:
    assert remote_name(url) is None


def _repository(root: Path, config: str) -> None:
    for folder in ("objects", "refs"):
        (root / ".git" / folder).mkdir(parents=True)
    (root / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (root / ".git" / "config").write_text(config)


def test_the_remote_origin_names_it(tmp_path: Path) -> None:
    _repository(tmp_path, '[core]\n\tbare = false\n[remote "origin"]\n\turl = git@github.com:team/jobs.git\n')
    (tmp_path / "jobs" / "nlp").mkdir(parents=True)
    found = repository_of(tmp_path / "jobs" / "nlp")
    assert (found.root, found.name) == (tmp_path, "github.com/team/jobs")
    source = found.source(tmp_path / "jobs" / "nlp" / "a.yaml")
    assert source.file == "jobs/nlp/a.yaml"
    assert source.is_below("jobs")
    assert source.is_below(".")
    assert not source.is_below("job")


def test_without_a_remote_it_is_where_it_lies(tmp_path: Path) -> None:
    _repository(tmp_path, "[core]\n\tbare = false\n")
    assert repository_of(tmp_path).name == f"local:{tmp_path}"

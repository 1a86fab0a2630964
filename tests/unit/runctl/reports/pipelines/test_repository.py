"""A repository of jobs: what is written, what is left alone, and who may do what in its pipelines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from runctl_auto.errors import UsageError
from runctl_auto.job_file.load import load_job_file
from runctl_auto.reports.pipelines.repository import FORGES, RepositoryOptions, repository_files, scaffold

OPTIONS = RepositoryOptions(owner="team", region="eu-central-1", forges=FORGES)
FILES = repository_files(OPTIONS)
WORKFLOWS = {name: yaml.safe_load(text) for name, text in FILES.items() if name.startswith(".github/")}
GITLAB = yaml.compose(FILES[".gitlab-ci.yml"])
ROOT = Path(__file__).resolve().parents[5]


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, workflow in WORKFLOWS.items():
        for job, content in workflow["jobs"].items():
            yield f"{Path(name).stem}/{job}", content


JOBS = dict(jobs())
of_a_proposal = pytest.mark.parametrize("name", [each for each in JOBS if each.startswith("runctl-plan/")])


def test_every_file_is_written_and_none_again(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    first = scaffold(tmp_path, OPTIONS)
    assert first.kept == ("README.md",)
    assert set(first.written) == set(FILES) - {"README.md"}
    assert (tmp_path / "README.md").read_text() == "mine"
    (tmp_path / "jobs" / "first.yaml").write_text("changed")
    again = scaffold(tmp_path, OPTIONS)
    assert again.written == ()
    assert (tmp_path / "jobs" / "first.yaml").read_text() == "changed"


def test_the_first_job_is_valid(tmp_path: Path) -> None:
    scaffold(tmp_path, OPTIONS)
    assert load_job_file(tmp_path / "jobs" / "first.yaml").spec.region == "eu-central-1"


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / ".github").symlink_to(outside)
    with pytest.raises(UsageError, match="leads out"):
        scaffold(folder, OPTIONS)
    assert list(outside.iterdir()) == []
    assert [each.name for each in folder.iterdir()] == [".github"]


def test_a_region_is_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no region"):
        scaffold(tmp_path, RepositoryOptions(owner="team", region='x"\n'))


def test_no_place_is_left_to_fill_in() -> None:
    assert [name for name, text in FILES.items() if re.search(r"@[A-Z]+@", text)] == []


def test_actions_are_pinned_to_commits() -> None:
    used = [each for text in FILES.values() for each in re.findall(r"uses: (\S+)", text)]
    assert used
    assert [each for each in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", each)] == []


def test_workflows_have_no_permission_but_what_a_job_names() -> None:
    assert {name: each["permissions"] for name, each in WORKFLOWS.items()} == {name: {} for name in WORKFLOWS}
    assert [name for name, each in JOBS.items() if "permissions" not in each] == []
    assert [name for name, each in JOBS.items() if "timeout-minutes" not in each] == []


def test_proposals_run_without_the_secrets_of_the_repository() -> None:
    plan = WORKFLOWS[".github/workflows/runctl-plan.yaml"]
    assert plan[True] == "pull_request"  # YAML 1.1 reads `on` as true
    assert "secrets." not in FILES[".github/workflows/runctl-plan.yaml"]


@of_a_proposal
def test_what_holds_a_role_or_can_write_runs_for_no_fork(name: str) -> None:
    job = JOBS[name]
    may = {key for key, value in job["permissions"].items() if value == "write"}
    if not may:
        return
    condition = str(job["if"])
    own = "github.event.pull_request.head.repo.full_name == github.repository"
    assert own in condition or "needs.plan.result != 'skipped'" in condition


@of_a_proposal
def test_what_writes_to_a_pull_request_runs_nothing_of_it(name: str) -> None:
    job = JOBS[name]
    if job["permissions"].get("pull-requests") != "write":
        return
    assert "id-token" not in job["permissions"]
    assert not [each for each in job["steps"] if "actions/checkout" in each.get("uses", "")]


@of_a_proposal
def test_a_proposal_has_the_role_that_reads(name: str) -> None:
    roles = {each.get("with", {}).get("role-to-assume") for each in JOBS[name]["steps"]} - {None}
    assert roles <= {"${{ vars.RUNCTL_PLAN_ROLE }}"}


@pytest.mark.parametrize("name", JOBS)
def test_no_expression_is_part_of_a_script(name: str) -> None:
    """A title or a branch name would run as a command."""
    assert [each for each in JOBS[name]["steps"] if "${{" in each.get("run", "")] == []


@pytest.mark.parametrize("name", JOBS)
def test_checkouts_leave_no_token(name: str) -> None:
    for step in JOBS[name]["steps"]:
        if "actions/checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("name", ["runctl-apply/apply", "runctl-nightly/sweep"])
def test_roles_that_change_things_are_of_the_main_branch(name: str) -> None:
    job = JOBS[name]
    assert "github.ref == 'refs/heads/main'" in job["if"]
    assert job["environment"].startswith("runctl-")


def test_the_pipeline_of_gitlab_tells_forks_apart() -> None:
    text = FILES[".gitlab-ci.yml"]
    assert isinstance(GITLAB, yaml.MappingNode)
    parts = dict(re.findall(r"(?ms)^([a-z-]+):\n(.*?)(?=^\S|\Z)", text))
    assert "ROLE" not in parts["plan-of-fork"]
    assert "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID != $CI_PROJECT_ID" in parts["plan-of-fork"]
    assert "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID" in parts["plan"]
    assert "ROLE: $RUNCTL_PLAN_ROLE" in parts["plan"]
    for name in ("apply", "nightly"):
        assert "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH" in parts[name]


def test_every_command_of_the_pipelines_exists() -> None:
    from runctl_auto.cli.main import cli

    context = click.Context(cli)
    called = [
        (command, set(re.findall(r"(?<!\S)--[a-z-]+", options)))
        for text in FILES.values()
        for command, options in re.findall(
            r"^(?:.*run: |\s*- |\s*)runctl (?:--sandbox )?([a-z]+)\b(.*)$",
            re.sub(r"\n +--", " --", text),
            re.M,
        )
    ]
    assert {command for command, _ in called} == {
        "plan",
        "apply",
        "drift",
        "reap",
        "leaks",
        "setup",
        "validate",
    }
    for command, options in called:
        found = cli.get_command(context, command)
        assert found is not None, command
        assert options <= {name for each in found.params for name in each.opts}, command


def test_the_example_is_what_is_written_now() -> None:
    """But for what makes it an example: its jobs and its README."""
    team = ROOT / "stacks" / "examples" / "team"
    options = RepositoryOptions(owner="team", region="us-east-1", forges=FORGES)
    own = {"README.md", "jobs/first.yaml", "training/first/train.py"}
    for name, text in repository_files(options).items():
        if name not in own:
            assert (team / name).read_text() == text, f"{name}: `runctl init --repo` writes it otherwise"

"""A repository that `runctl init --repo` wrote passes `plan` at once; so do the jobs of the example."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
import yaml
from support.fetched_tools import compiled, go_tool, npm_packages
from support.runctl_cli import Runctl

ROOT = Path(__file__).resolve().parents[2]
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.7"
TEAM = ROOT / "stacks" / "examples" / "team"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runctl]:
    runctl = Runctl(tmp_path_factory.mktemp("repository"))
    runctl.json("init", "--repo", "--region", "us-east-1", "--pipelines", "github", "--pipelines", "gitlab")
    try:
        yield runctl
    finally:
        runctl("sandbox", "stop")


@pytest.mark.sandbox
def test_it_passes_plan_at_once_and_reports_it(repository: Runctl) -> None:
    shutil.copytree(TEAM / "jobs", repository.folder / "jobs", dirs_exist_ok=True)
    shutil.copytree(TEAM / "training", repository.folder / "training", dirs_exist_ok=True)
    wanted = {
        "markdown": "plan.md",
        "junit": "plan.xml",
        "sarif": "plan.sarif",
        "cost": "c.json",
        "json": "p.json",
    }
    options = [part for name, file in wanted.items() for part in ("--report", f"{name}=report/{file}")]
    plan = repository.json("plan", "jobs", "--detailed-exitcode", *options, code=2)
    assert {each["job"]: each["action"] for each in plan["entries"]} == dict.fromkeys(
        ("baseline", "first", "sweep-long", "sweep-short"), "create"
    )
    report = repository.folder / "report"
    assert json.loads((report / "p.json").read_text()) == plan
    text = (report / "plan.md").read_text()
    assert text.startswith("<!-- runctl plan -->\n### runctl plan of <code>jobs</code>: 4 to create\n")
    suite = Xml.parse(report / "plan.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("4", "0")
    cost = json.loads((report / "c.json").read_text())
    assert len(cost["projects"]) == 4
    assert float(cost["totalHourlyCost"]) == pytest.approx(
        sum(each["cost"]["totalHourlyCost"] for each in plan["entries"]), abs=1e-5
    )


@pytest.mark.sandbox
def test_a_failure_is_reported_too(repository: Runctl) -> None:
    repository("plan", "nowhere", "--report", "markdown=plan.md", "--report", "junit=plan.xml", code=7)
    assert "failed" in (repository.folder / "plan.md").read_text()
    assert Xml.parse(repository.folder / "plan.xml").getroot()[0].get("errors") == "1"


def test_manifests_for_the_operator_name_all_jobs(tmp_path: Path) -> None:
    shutil.copytree(TEAM, tmp_path / "team")
    runctl = Runctl(tmp_path / "team")
    broken = runctl.folder / "jobs" / "broken.yaml"
    broken.write_text("name: broken\nrun: [\n")
    where = ("--image", "registry.example/jobs:1", "--backend", "s3://our-states?region=us-east-1")
    found = runctl.json("export", "operator", "jobs", *where, code=7)
    assert found["jobs"] == 3
    assert "broken.yaml" in found["errors"][0]["where"]["file"]
    manifest = yaml.safe_load((runctl.folder / "operator/stacks/sweep-long.yaml").read_text())
    assert manifest["spec"]["config"]["runctl:jobFile"].endswith("/jobs/sweep/long.yaml")
    broken.unlink()
    again = runctl.json("export", "operator", "jobs", *where)
    assert again["errors"] == []


@pytest.mark.matrix
def test_actionlint_finds_nothing_in_the_workflows(tmp_path_factory: pytest.TempPathFactory) -> None:
    lint = go_tool(tmp_path_factory.mktemp("lint"), ACTIONLINT)
    workflows = sorted((TEAM / ".github" / "workflows").glob("*.yaml"))
    assert len(workflows) == 3
    done = subprocess.run([str(lint), *map(str, workflows)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.matrix
@pytest.mark.sandbox
def test_sarif_is_of_the_type_that_sarif_has(
    repository: Runctl, tmp_path_factory: pytest.TempPathFactory
) -> None:
    broken = repository.folder / "jobs" / "broken.yaml"
    broken.write_text("name: broken\nspot_policy: sometimes\nrun: x\n")
    try:
        repository("plan", "jobs", "--report", "sarif=plan.sarif", code=7)
    finally:
        broken.unlink()
    folder = npm_packages(
        tmp_path_factory.mktemp("sarif"), "typescript@5", "@types/node@20", "@types/sarif@2"
    )
    content = (repository.folder / "plan.sarif").read_text()
    assert json.loads(content)["runs"][0]["results"]
    (folder / "log.ts").write_text(f'import {{ Log }} from "sarif";\nexport const log: Log = {content};\n')
    assert compiled(folder, "log.ts").exists()

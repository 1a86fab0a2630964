"""A program in another language declares a job as a component: the same resources as `runctl up` makes."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.cloud_scanner import leaks
from support.counting_job import write_job
from support.fetched_tools import compiled, go_tool, npm_packages
from support.plain_pulumi import pulumi
from support.runctl_cli import Runctl

pytestmark = pytest.mark.sandbox

YAML_HOST = "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml@v1.25.0"
NODE_PACKAGES = ("@pulumi/pulumi@3", "typescript@5", "@types/node@20")
OF_THE_CLOUD = {
    "count-data-attachment": {"instanceId", "volumeId"},
    "count-machine-instance": {"launchTemplate", "vpcSecurityGroupIds"},
    "count-spec": {"content"},
}
"""Inputs with ids that the cloud gives."""
TOKEN = "planted-2f9c4e"
SIGNATURE = "4dabf18193072939515e22adb298388d"
"""The key of a secret in a state."""

TYPESCRIPT = """
import * as pulumi from "@pulumi/pulumi";
import { LocalWorkspace } from "@pulumi/pulumi/automation";

type Fields = Record<string, pulumi.Input<any>>;

class TrainingJob extends pulumi.ComponentResource {
    public readonly runId!: pulumi.Output<string>;
    constructor(name: string, fields: Fields, opts?: pulumi.ComponentResourceOptions) {
        super("runctl:index:TrainingJob", name, { ...fields, runId: undefined }, opts, true);
    }
}

async function main(): Promise<void> {
    const { stack, plugin, folder, backend, fields } = JSON.parse(process.argv[2]);
    const settings = {
        name: "runctl", runtime: "nodejs" as const,
        plugins: { providers: [{ name: "runctl", path: plugin }] },
    };
    const program = async () => ({ runId: new TrainingJob(stack, fields).runId });
    const made = await LocalWorkspace.createOrSelectStack(
        { stackName: stack, projectName: "runctl", program }, { workDir: folder, projectSettings: settings },
    );
    await made.setConfig("runctl:backend", { value: backend });
    await made.up({ onOutput: (text) => process.stderr.write(text) });
}

main().catch((error) => { process.stderr.write(String(error)); process.exit(1); });
"""

PYTHON = """
import json, pulumi
from pathlib import Path

class TrainingJob(pulumi.ComponentResource):
    def __init__(self, name, fields):
        super().__init__("runctl:index:TrainingJob", name, {**fields, "runId": None}, None, True)

pulumi.export("runId", TrainingJob(pulumi.get_stack(), json.loads(Path("fields.json").read_text())).runId)
"""


@dataclass
class Programs:
    """Programs in the folder of a project, which declare ``job`` on the sandbox of ``runctl``."""

    runctl: Runctl
    job: dict[str, Any]
    environment: dict[str, str]
    plugin: str
    made: list[Path] = field(default_factory=list)

    @property
    def fields(self) -> dict[str, Any]:
        """The job as inputs of the component."""
        camel = {
            "max_duration": "maxDuration",
            "instance_types": "instanceTypes",
        }

        def renamed(value: Any, is_free: bool = False) -> Any:
            if isinstance(value, dict):
                return {
                    key if is_free else camel.get(key, key): renamed(each, key in ("env", "tags"))
                    for key, each in value.items()
                }
            return [renamed(each) for each in value] if isinstance(value, list) else value

        kept = {key: each for key, each in self.job.items() if key not in ("provider", "name")}
        fields: dict[str, Any] = renamed(kept)
        folder = str(self.runctl.folder / self.job["workdir"])
        return {**fields, "workdir": folder, "secretValues": {"TOKEN": TOKEN}}

    def folder(self, runtime: str, **more: Any) -> Path:
        """A new project folder of a program, whose stack has a backend as runctl's own stacks have."""
        folder = self.runctl.folder / f"program-{runtime}"
        folder.mkdir()
        project = {
            "name": "runctl",
            "runtime": runtime,
            "plugins": {"providers": [{"name": "runctl", "path": self.plugin}]},
            **more,
        }
        (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project))
        self.made.append(folder)
        return folder

    def pulumi(self, folder: Path, *arguments: str, path: str = "") -> str:
        environment = {**self.environment, "PATH": f"{self.environment['PATH']}{os.pathsep}{path}"}
        done = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def up(self, folder: Path, path: str = "") -> None:
        self.pulumi(folder, "stack", "init", self.job["name"])
        backend = self.environment["PULUMI_BACKEND_URL"]
        self.pulumi(folder, "config", "set", "runctl:backend", backend, "-s", self.job["name"])
        self.pulumi(folder, "up", "--yes", "--skip-preview", "-s", self.job["name"], path=path)

    def resources(self, folder: Path) -> dict[str, dict[str, Any]]:
        export = self.pulumi(folder, "stack", "export", "-s", self.job["name"])
        assert TOKEN not in export
        return by_name(export)

    def destroy(self) -> None:
        for folder in self.made:
            self.pulumi(folder, "destroy", "--yes", "--skip-preview", "--remove", "-s", self.job["name"])


def by_name(export: str) -> dict[str, dict[str, Any]]:
    found = json.loads(export)["deployment"]["resources"]
    return {each["urn"].rpartition("::")[2]: each for each in found if each.get("custom")}


@pytest.fixture
def runctl(tmp_path: Path) -> Iterator[Runctl]:
    """A sandbox of its own: each program makes the job that another made before."""
    command = Runctl(tmp_path, {"TOKEN": TOKEN})
    command("sandbox", "start")
    try:
        yield command
    finally:
        command("sandbox", "stop")


@pytest.fixture
def made_by_runctl(runctl: Runctl) -> dict[str, dict[str, Any]]:
    """What `runctl up` makes of the job, which is taken down again."""
    write_job(
        runctl.folder,
        "count",
        env={"STEPS": "100000", "STEP_SECONDS": "0.5"},
        volumes=[{"name": "data", "size": "1GB", "mount": "/data"}],
        tags={"team": "nlp"},
        secrets=["TOKEN"],
    )
    runctl.json("up", "count.yaml", "--yes", "--detach", timeout=600)
    export = pulumi(runctl, "count", "stack", "export")
    assert export.returncode == 0, export.stderr
    return by_name(export.stdout)


@pytest.fixture
def programs(runctl: Runctl, made_by_runctl: Any) -> Iterator[Programs]:
    told = runctl.json("env", "count")
    component = runctl.json("export", "component")
    environment = {
        "HOME": str(Path.home()),
        "PATH": os.environ["PATH"],
        **{key: value for key, value in os.environ.items() if key.startswith("RUNCTL_")},
        **told["set"],
        **component["set"],
        "TOKEN": TOKEN,
    }
    runctl.json("down", "count", "--yes", "--discard-artifacts", "--grace", "0", timeout=600)
    job = yaml.safe_load((runctl.folder / "count.yaml").read_text())
    found = Programs(runctl, job, environment, component["folder"])
    try:
        yield found
    finally:
        found.destroy()


def sealed(value: Any) -> Any:
    """A secret is encrypted anew in each stack."""
    return "secret" if isinstance(value, dict) and SIGNATURE in value else value


def assert_same(ours: dict[str, dict[str, Any]], theirs: dict[str, dict[str, Any]]) -> None:
    """The same resources with the same inputs, tags included, but for a provider's name and the decisions."""

    def real(resources: dict[str, dict[str, Any]]) -> set[str]:
        return {name for name, each in resources.items() if not each["type"].startswith("pulumi:")}

    assert real(theirs) - real(ours) == {"count-decisions"}
    assert real(ours) <= real(theirs)
    for name in real(ours):
        apart = OF_THE_CLOUD.get(name, set())
        left, right = (
            {key: sealed(value) for key, value in each[name]["inputs"].items() if key not in apart}
            for each in (ours, theirs)
        )
        assert left == right, name
    assert ours["count-machine-instance"]["inputs"]["tagsAll"]["runctl:job"] == "count"


@pytest.mark.matrix
def test_a_program_makes_what_runctl_makes(
    programs: Programs, made_by_runctl: dict[str, dict[str, Any]]
) -> None:
    folder = programs.folder("python")
    (folder / "__main__.py").write_text(PYTHON)
    (folder / "fields.json").write_text(json.dumps({"jobFile": str(programs.runctl.folder / "count.yaml")}))
    programs.up(folder)
    assert_same(made_by_runctl, programs.resources(folder))
    programs.pulumi(folder, "preview", "--expect-no-changes", "-s", "count")
    cloud_url = str(programs.runctl.json("sandbox", "status")["cloud_url"])
    programs.destroy()
    programs.made.clear()
    assert leaks("count", cloud_url) == []


@pytest.mark.matrix
def test_a_yaml_program_makes_it_too(
    programs: Programs, made_by_runctl: dict[str, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    host = go_tool(tmp_path_factory.mktemp("host"), YAML_HOST)
    resource = {"type": "runctl:index:TrainingJob", "properties": programs.fields}
    folder = programs.folder("yaml", resources={"count": resource})
    programs.up(folder, path=str(host.parent))
    assert_same(made_by_runctl, programs.resources(folder))


@pytest.mark.matrix
def test_a_typescript_program_makes_it_too(
    programs: Programs, made_by_runctl: dict[str, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    packages = npm_packages(tmp_path_factory.mktemp("node"), *NODE_PACKAGES)
    (packages / "program.ts").write_text(TYPESCRIPT)
    program = compiled(packages, "program.ts")
    folder = programs.folder("nodejs")
    told = {
        "stack": "count",
        "plugin": programs.plugin,
        "folder": str(folder),
        "backend": programs.environment["PULUMI_BACKEND_URL"],
        "fields": programs.fields,
    }
    done = subprocess.run(
        ["node", str(program), json.dumps(told)],
        env=programs.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert_same(made_by_runctl, programs.resources(folder))


@pytest.mark.matrix
def test_the_program_of_the_operator_makes_it_too(
    programs: Programs, made_by_runctl: dict[str, dict[str, Any]]
) -> None:
    folder = programs.folder("python", main=str(Path(programs.plugin).with_name("job_of_file")))
    programs.pulumi(folder, "stack", "init", "count")
    for key, value in {
        "runctl:jobFile": str(programs.runctl.folder / "count.yaml"),
        "runctl:backend": programs.environment["PULUMI_BACKEND_URL"],
    }.items():
        programs.pulumi(folder, "config", "set", key, value, "-s", "count")
    programs.pulumi(folder, "up", "--yes", "--skip-preview", "-s", "count")
    assert_same(made_by_runctl, programs.resources(folder))

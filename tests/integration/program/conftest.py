"""The program on an engine against the emulated cloud: no hosts, so no machine ever boots."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from support.cloud_keys import client_keys
from support.engine_root import engine_root

from runctl_auto.job_file.spec import JobSpec
from runctl_auto.packaging.package import package_agent, package_code
from runctl_auto.packaging.work_files import walk_work_folder
from runctl_auto.run.identity import choose_run
from runctl_auto.stack.config import Placement, Protection, StackConfig
from sandbox.access.keys import keys_file, new_keys, save_keys

ROOT = Path(__file__).parents[3]
REGION = "us-east-1"
ACCOUNT = "123456789012"


def _serve(script: Path, folder: Path, env: dict[str, str], *arguments: str) -> Iterator[int]:
    ready = folder / f"{script.parent.name}.json"
    with (folder / f"{script.parent.name}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-I", str(script), "--ready-file", str(ready), *arguments],
            env=env,
            stdout=log,
            stderr=log,
            cwd=folder,
        )
    try:
        deadline = time.monotonic() + 120
        while not ready.exists():
            assert process.poll() is None, (folder / f"{script.parent.name}.log").read_text()
            assert time.monotonic() < deadline, f"{script} was not ready within a minute"
            time.sleep(0.05)
        yield int(json.loads(ready.read_text())["port"])
    finally:
        process.terminate()
        process.wait(120)


def _engine() -> Path:
    """The folder of the engine's executable."""
    return engine_root() / "bin"


@dataclass
class World:
    """A cloud, a provider on it, and the environment in which an engine finds both."""

    env: dict[str, str]
    cloud_url: str

    def client(self, service: str) -> Any:
        import boto3

        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.cloud_url,
            **client_keys(self.cloud_url),
        )


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "PULUMI_"))}
    keys = new_keys()
    save_keys(keys_file(folder), keys)
    places = ("--keys", str(keys_file(folder)))
    aws_env = {
        **kept,
        **keys.variables,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    (folder / "passphrase").write_text("a passphrase of tests")
    for cloud_port in _serve(
        ROOT / "sandbox" / "aws" / "cloud" / "serve.py", folder, aws_env, "--cloud-id", "testcloud", *places
    ):
        url = f"http://127.0.0.1:{cloud_port}"
        aws_env["AWS_ENDPOINT_URL"] = url
        places += ("--assets", str(tmp_path_factory.getbasetemp()))
        for provider_port in _serve(
            ROOT / "sandbox" / "aws" / "provider" / "serve.py", folder, aws_env, *places
        ):
            yield World(
                env={
                    **aws_env,
                    "PATH": f"{_engine()}{os.pathsep}{os.environ['PATH']}",
                    "PULUMI_HOME": str(folder / "home"),
                    "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
                    "PULUMI_CONFIG_PASSPHRASE_FILE": str(folder / "passphrase"),
                    "PULUMI_DEBUG_PROVIDERS": f"aws:{provider_port}",
                    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
                    "PULUMI_SKIP_UPDATE_CHECK": "true",
                    "PULUMI_PYTHON_CMD": sys.executable,
                    "NO_COLOR": "1",
                },
                cloud_url=url,
            )


@dataclass
class Stack:
    """One job's stack, worked with plain ``pulumi`` from the folder that the project's workspace is."""

    world: World
    project: Path
    config: StackConfig
    made: bool = False

    @property
    def workspace(self) -> Path:
        return self.project / ".runctl" / "pulumi"

    @property
    def name(self) -> str:
        return self.config.job.name

    def create(self) -> None:
        self.workspace.mkdir(parents=True)
        Path(self.world.env["PULUMI_BACKEND_URL"].removeprefix("file://")).mkdir(exist_ok=True)
        (self.workspace / "Pulumi.yaml").write_text(
            f"name: runctl\nmain: {ROOT / 'stacks'}\nruntime:\n  name: python\n"
        )
        self.pulumi("stack", "init", self.name)
        self.configure(self.config)

    def configure(self, config: StackConfig) -> None:
        self.config = config
        pairs = [
            part for key, value in config.to_values().items() for part in ("--plaintext", f"{key}={value}")
        ]
        self.pulumi("config", "set-all", "--stack", self.name, *pairs)

    def change(self, **job: Any) -> None:
        """Configure the same run with another job file."""
        spec = JobSpec.model_validate({**self.config.job.model_dump(), **job})
        self.configure(replace(self.config, job=spec))

    def pulumi(self, *arguments: str, succeeds: bool = True) -> str:
        ran = subprocess.run(
            ["pulumi", "--non-interactive", *arguments],
            cwd=self.workspace,
            env=self.world.env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (ran.returncode == 0) is succeeds, (
            f"pulumi {arguments}: {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
        )
        return ran.stdout + ran.stderr

    def up(self, *arguments: str) -> None:
        self.made = True
        self.pulumi("up", "--yes", "--skip-preview", "--stack", self.name, *arguments)

    def unchanged(self, *arguments: str) -> None:
        self.pulumi("preview", "--diff", "--expect-no-changes", "--stack", self.name, *arguments)

    def destroy(self, *arguments: str) -> None:
        self.pulumi("destroy", "--yes", "--skip-preview", "--stack", self.name, *arguments)
        self.made = bool(arguments)

    def outputs(self) -> dict[str, Any]:
        text = self.pulumi("stack", "output", "--json", "--stack", self.name)
        outputs: dict[str, Any] = json.loads(text)
        return outputs

    def resources(self) -> dict[str, dict[str, Any]]:
        state = json.loads(self.pulumi("stack", "export", "--stack", self.name))
        return {each["urn"].rsplit("::", 1)[-1]: each for each in state["deployment"].get("resources") or []}


@pytest.fixture
def stack(world: World, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A stack of a job named after the test, whose work folder holds one file; destroyed in the end."""
    digest = f"{abs(hash(request.node.nodeid)):x}"[:8]
    work = tmp_path / "work"
    work.mkdir()
    (work / "train.py").write_text("print('training')\n")
    job = JobSpec.model_validate(
        {
            "name": f"job-{digest}",
            "region": REGION,
            "run": "python3 train.py",
            "resources": {"instance_types": ["m5.large"], "disk": "20GB"},
            "volumes": [{"name": "data", "size": "1GB", "mount": "/data"}],
            "tags": {"team": "nlp"},
            "max_duration": "1h",
        }
    )
    packages = tmp_path / ".runctl" / "packages"
    run = choose_run(
        job,
        code_sha256=package_code(walk_work_folder(work), packages).sha256,
        agent_sha256=package_agent(packages).sha256,
        previous=None,
        previous_status=None,
    )
    made = Stack(
        world,
        tmp_path,
        StackConfig(
            job=job,
            run=run,
            placement=_placement(world),
            owner="someone@example.org",
            protection=Protection(),
        ),
    )
    made.create()
    yield made
    if made.made:
        made.pulumi("state", "unprotect", "--all", "--yes", "--stack", made.name)
        made.destroy()


def _placement(world: World) -> Placement:
    ec2 = world.client("ec2")
    subnet = next(
        each
        for each in ec2.describe_subnets()["Subnets"]
        if each["AvailabilityZone"] == f"{REGION}a" and each["DefaultForAz"]
    )
    image = world.client("ssm").get_parameter(
        Name="/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    )
    return Placement(
        account=ACCOUNT,
        partition="aws",
        region=REGION,
        zone=f"{REGION}a",
        vpc=subnet["VpcId"],
        subnet=subnet["SubnetId"],
        image=image["Parameter"]["Value"],
        instance_type="m5.large",
        market="spot",
        price_hour=0.05,
        max_price=0.09,
    )

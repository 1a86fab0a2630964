"""An image is had by its digest, with a login where that is needed, and only of this machine's kind."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from runctl_auto.agent.containers.fetching import Fetching
from runctl_auto.agent.containers.runtime import Runtime
from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.job.stopping import StopEarly
from runctl_auto.agent.machine.machine import ProgramResult
from runctl_auto.agent.spec import ContainerSpec, RegistryLogin, SecretSpec

IMAGE = f"ghcr.io/acme/train@sha256:{'0' * 64}"
LOGIN = RegistryLogin("ghcr.io", "robot", SecretSpec("PASS", "/runctl/digits/PASS"))


class Docker:
    """Answers as docker does; ``pulls`` are the outcomes of fetching."""

    def __init__(self, *pulls: tuple[int, str], architecture: str = "amd64", present: bool = False) -> None:
        self.pulls = list(pulls)
        self.present = present
        self.architecture = architecture
        self.asked: list[list[str]] = []
        self.variables: list[dict[str, str]] = []
        self.given: list[bytes] = []
        self.said: list[str] = []
        self.waited: list[float] = []

    def run(self, argv: Sequence[str], timeout: float) -> ProgramResult:
        assert argv[1:3] == ["image", "inspect"]
        if not self.present:
            return ProgramResult(1, "No such image")
        known = [{"Architecture": self.architecture, "Config": {"Env": ["PATH=/bin"]}}]
        return ProgramResult(0, json.dumps(known))

    def popen(self, words: list[str], **kwargs: Any) -> mock.Mock:
        self.asked.append(words)
        self.variables.append(kwargs["env"])
        self.given.append(kwargs["stdin"].read())
        code, text = (0, "Login Succeeded") if words[1] == "login" else self.pulls.pop(0)
        kwargs["stdout"].write(text.encode())
        self.present = self.present or (words[1] == "pull" and code == 0)
        process: mock.Mock = mock.create_autospec(subprocess.Popen, instance=True)
        process.poll.return_value = process.wait.return_value = code
        return process

    def fetching(self, scratch: Path, **changes: Any) -> Fetching:
        return Fetching(
            Runtime("docker"), self.run, {"HOME": "/root"}, self.said.append, self.waited.append, scratch,
            popen=self.popen, architecture="x86_64", **changes,
        )  # fmt: skip


def none(wanted: Sequence[SecretSpec]) -> dict[str, str]:
    raise AssertionError(wanted)


def test_an_image_that_is_there_is_not_fetched(tmp_path) -> None:
    docker = Docker(present=True)
    found = docker.fetching(tmp_path).image(ContainerSpec(IMAGE, LOGIN), none)
    assert found["Config"]["Env"] == ["PATH=/bin"]
    assert docker.asked == []


def test_a_password_goes_by_standard_input_and_its_login_is_deleted(tmp_path) -> None:
    docker = Docker((0, "done"))
    docker.fetching(tmp_path).image(ContainerSpec(IMAGE, LOGIN), lambda wanted: {wanted[0].name: "s3cret"})
    login, pull = docker.asked
    assert login[-3:] == ["robot", "--password-stdin", "ghcr.io"]
    assert docker.given == [b"s3cret", b""]
    assert pull == ["docker", "pull", "--quiet", IMAGE]
    assert docker.variables[0]["DOCKER_CONFIG"] == docker.variables[1]["DOCKER_CONFIG"]
    assert list(tmp_path.iterdir()) == []
    assert not any("s3cret" in text for text in (*docker.said, *login, *pull))


def test_awss_registry_is_asked_with_the_machines_role(tmp_path) -> None:
    docker = Docker((0, ""))
    spec = ContainerSpec(IMAGE, RegistryLogin("1.dkr.ecr.eu-west-1.amazonaws.com", region="eu-west-1"))
    docker.fetching(tmp_path, aws_password=lambda region: ("AWS", f"token of {region}")).image(spec, none)
    assert docker.given[0] == b"token of eu-west-1"
    with pytest.raises(AgentError, match="no role to log in"):
        Docker().fetching(tmp_path).image(spec, none)


def test_what_passes_is_tried_again_and_what_stays_is_told(tmp_path) -> None:
    docker = Docker((1, "net/http: TLS handshake timeout"), (1, "connection reset"), (0, ""))
    docker.fetching(tmp_path).image(ContainerSpec(IMAGE), none)
    assert docker.waited == [3.0, 10.0]
    docker = Docker((1, "manifest unknown"))
    with pytest.raises(AgentError, match=f"{IMAGE} could not be fetched: manifest unknown"):
        docker.fetching(tmp_path).image(ContainerSpec(IMAGE), none)
    docker = Docker(*[(1, "timeout")] * 4)
    with pytest.raises(AgentError, match="could not be fetched: timeout"):
        docker.fetching(tmp_path).image(ContainerSpec(IMAGE), none)


def test_an_image_of_another_kind_of_machine_is_refused_by_name(tmp_path) -> None:
    with pytest.raises(AgentError, match="is for arm64, and this machine is amd64"):
        Docker((0, ""), architecture="arm64").fetching(tmp_path).image(ContainerSpec(IMAGE), none)


def test_a_stop_ends_what_fetches(tmp_path) -> None:
    docker, process = Docker(), mock.create_autospec(subprocess.Popen, instance=True)
    process.poll.return_value = None

    def stop(seconds: float) -> None:
        raise StopEarly

    fetching = Fetching(
        Runtime("docker"), docker.run, {}, docker.said.append, stop, tmp_path, popen=lambda *a, **k: process
    )
    with pytest.raises(StopEarly):
        fetching.image(ContainerSpec(IMAGE), none)
    process.kill.assert_called_once_with()


def test_a_machine_without_docker_says_so(tmp_path) -> None:
    docker = Docker()
    docker.run = lambda argv, timeout: ProgramResult(127, "docker is not installed")  # type: ignore[method-assign]
    with pytest.raises(AgentError, match="there is no docker on this machine"):
        docker.fetching(tmp_path).image(ContainerSpec(IMAGE), none)

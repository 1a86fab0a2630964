"""Which runtime this machine has, and whom jobs are in its containers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from runctl_auto.agent.local.in_container import LocalRuntime
from runctl_auto.agent.machine.machine import ProgramResult
from runctl_auto.errors import NotSupportedError
from runctl_auto.job_file.image_reference import ImageReference
from runctl_auto.providers.local.container_runtime import find_runtime, present_image


def machine(answers: dict[str, ProgramResult]):
    def run(argv: Sequence[str], timeout: float) -> ProgramResult:
        program = argv[0].rpartition("/")[2]
        if argv[1] == "--version":
            return ProgramResult(0, f"{program} version 1")
        return answers[program]

    return {"run": run, "which": lambda name: f"/usr/bin/{name}" if name in answers else None}


ANSWERS = ProgramResult(0, '{"SecurityOptions":["name=seccomp"]}')


def test_docker_first_as_the_person() -> None:
    found = find_runtime("j", {}, **machine({"docker": ANSWERS, "podman": ANSWERS}), uid=1000, gid=100)
    assert found == LocalRuntime("/usr/bin/docker", False, "1000:100")
    assert find_runtime("j", {}, **machine({"docker": ANSWERS}), uid=0, gid=0).user == "0:0"
    rootless = ProgramResult(0, '{"SecurityOptions":["name=rootless"]}')
    assert find_runtime("j", {}, **machine({"docker": rootless}), uid=1000, gid=100).user == "0:0"


def test_podman_where_docker_does_not_answer() -> None:
    answers = {"docker": ProgramResult(1, "Cannot connect to the Docker daemon"), "podman": ANSWERS}
    found = find_runtime("j", {}, **machine(answers), uid=1000, gid=100)
    assert found == LocalRuntime("/usr/bin/podman", True, None, as_caller=True)
    mute = {"docker": ProgramResult(0, '{"ServerErrors":["no daemon"]}'), "podman": ANSWERS}
    assert find_runtime("j", {}, **machine(mute), uid=1000, gid=100).is_podman


def test_without_any_the_way_out_is_told() -> None:
    with pytest.raises(NotSupportedError, match=r"docker is not installed; podman is not installed") as told:
        find_runtime("j", {}, **machine({}), uid=1000, gid=100)
    assert "Install docker or podman" in str(told.value.next_step)
    with pytest.raises(NotSupportedError, match="DOCKER_HOST is not this machine"):
        find_runtime("j", {"DOCKER_HOST": "ssh://box"}, **machine({"docker": ANSWERS}), uid=1, gid=1)


def test_an_image_that_is_here() -> None:
    docker, image = LocalRuntime("docker"), ImageReference.parse("docker:mine:1")
    assert present_image(docker, image, lambda argv, t: ProgramResult(0, '[{"Id": "0f"}]')) == "sha256:0f"
    assert present_image(docker, image, lambda argv, t: ProgramResult(1, "No such image")) is None
    assert present_image(docker, image, lambda argv, t: ProgramResult(0, "")) is None


def test_a_runtime_is_written_down() -> None:
    found = LocalRuntime("podman", True, None, as_caller=True)
    assert LocalRuntime.of(found.as_json()) == found

"""Which image a run's container has: settled once a run, by digest, with the registry's password at hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.job_stacks import stack_config

from runctl_auto.errors import UsageError
from runctl_auto.job_file.image_reference import ImageReference
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.jobs.container_choice import choose_container
from runctl_auto.providers.registries.resolved import Login, ResolvedImage
from runctl_auto.stack.container import ContainerChoice

DIGEST = f"sha256:{'0' * 64}"


def job(image: str = "docker:ghcr.io/acme/train:1", **more: object) -> JobSpec:
    return JobSpec.model_validate(
        {"name": "digits", "region": "us-east-1", "run": "true", "image": image, **more}
    )


class Registry:
    def __init__(self) -> None:
        self.asked: list[tuple[str, Login | None]] = []

    def __call__(self, image: ImageReference, login: Login | None) -> ResolvedImage:
        self.asked.append((str(image), login))
        return ResolvedImage(image.at(DIGEST), ("linux/amd64",))


def test_a_tag_is_resolved_and_told() -> None:
    registry, config = Registry(), stack_config()
    chosen, notes = choose_container(job(), None, config.run, registry, {})
    assert chosen is not None
    assert chosen.reference == f"ghcr.io/acme/train@{DIGEST}"
    assert notes == (
        f"container: docker:ghcr.io/acme/train:1 is ghcr.io/acme/train@{DIGEST}, made for linux/amd64",
    )


def test_the_same_run_keeps_its_image_and_a_new_one_asks_again() -> None:
    registry, config = Registry(), stack_config()
    kept = ContainerChoice(image="docker:ghcr.io/acme/train:1", reference="ghcr.io/acme/train@sha256:1f")
    before = replace(config, container=kept)
    assert choose_container(job(), before, config.run, registry, {}) == (kept, ())
    assert registry.asked == []
    chosen, _ = choose_container(job(), before, replace(config.run, id="another"), registry, {})
    assert chosen is not None
    assert chosen.reference.endswith(DIGEST)


def test_a_digest_is_taken_as_it_is_and_machines_images_are_none() -> None:
    registry, run = Registry(), stack_config().run
    chosen, _ = choose_container(job(f"docker:acme/train@{DIGEST}"), None, run, registry, {})
    assert chosen is not None
    assert chosen.reference == f"docker.io/acme/train@{DIGEST}"
    assert choose_container(job("auto"), None, run, registry, {}) == (None, ())
    assert choose_container(job(provider="runpod"), None, run, registry, {}) == (None, ())
    assert registry.asked == []


def test_the_password_is_looked_for_in_the_environment() -> None:
    auth = {"username": "robot", "password": "REGISTRY_GHCR_IO"}
    registry, run = Registry(), stack_config().run
    choose_container(job(registry_auth=auth), None, run, registry, {"REGISTRY_GHCR_IO": "s3cret"})
    assert registry.asked[0][1] == Login("robot", "s3cret")
    with pytest.raises(UsageError, match="REGISTRY_GHCR_IO"):
        choose_container(job(registry_auth=auth), None, run, registry, {})

"""Names of images are read as docker reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from runctl_auto.job_file.image_reference import AwsRepository, ImageReference, container_image
from runctl_auto.job_file.spec import JobSpec

DIGEST = f"sha256:{'ab' * 32}"
PART = st.from_regex(r"[a-z0-9]{1,8}([._-][a-z0-9]{1,4})?", fullmatch=True)
HOST = st.sampled_from(["ghcr.io", "localhost", "localhost:5000", "registry.example.com:443"])
TAG = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("docker:python", "docker.io/library/python:latest"),
        ("docker:python:3.12", "docker.io/library/python:3.12"),
        ("docker:pytorch/pytorch:2.8.0-cuda12.8", "docker.io/pytorch/pytorch:2.8.0-cuda12.8"),
        ("docker:index.docker.io/library/python:3", "docker.io/library/python:3"),
        ("docker:ghcr.io/acme/train", "ghcr.io/acme/train:latest"),
        ("docker:localhost:5000/x:1", "localhost:5000/x:1"),
        (f"docker:ghcr.io/acme/train@{DIGEST}", f"ghcr.io/acme/train@{DIGEST}"),
        (f"docker:ghcr.io/acme/train:1@{DIGEST}", f"ghcr.io/acme/train@{DIGEST}"),
    ],
)
def test_whole_names(text: str, whole: str) -> None:
    assert str(ImageReference.parse(text)) == whole


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("docker:Acme/train", "no repository"),
        ("docker:acme//train", "no repository"),
        ("docker:acme/train:", "a tag"),
        ("docker:acme/train:-x", "a tag"),
        ("docker:acme/train@sha256:00", "a digest"),
        (f"docker:ghcr.io/{'a' * 300}", "too long"),
        ("docker:", "no repository"),
    ],
)
def test_what_is_no_image_is_told(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        ImageReference.parse(text)


@given(HOST, st.lists(PART, min_size=1, max_size=4), TAG, st.sampled_from([None, DIGEST]))
def test_a_whole_name_is_read_as_it_was_written(
    host: str, parts: list[str], tag: str, digest: str | None
) -> None:
    reference = ImageReference(host, "/".join(parts), tag, digest)
    read = ImageReference.parse(str(reference))
    assert (read.registry, read.repository, read.digest) == (host, "/".join(parts), digest)
    assert digest is not None or read.tag == tag
    assert str(reference.at(DIGEST)) == f"{host}/{'/'.join(parts)}@{DIGEST}"


def test_awss_registry_is_known_by_its_name() -> None:
    found = ImageReference.parse("docker:123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/train:1")
    assert found.of_aws == AwsRepository("123456789012", "eu-west-1", "team/train")
    assert ImageReference.parse("docker:public.ecr.aws/x/y:1").of_aws is None


def test_images_of_machines_are_no_containers() -> None:
    assert container_image("auto") is None
    assert container_image("ami-0123456789abcdef0") is None
    assert container_image("docker:python") is not None


@pytest.mark.parametrize(
    ("image", "variable"),
    [
        ("docker:ghcr.io/a/b:1", "REGISTRY_GHCR_IO"),
        ("docker:python:3", "REGISTRY_DOCKER_IO"),
        ("docker:localhost:5000/b:1", "REGISTRY_LOCALHOST_5000"),
        ("docker:token-ghcr.io/b:1", "REGISTRY_TOKEN__GHCR_IO"),
    ],
)
def test_a_password_is_for_the_registry_that_its_name_tells(image: str, variable: str) -> None:
    assert ImageReference.parse(image).password_variable == variable


LABEL = st.from_regex(r"[a-z][a-z0-9]{0,3}(-[a-z0-9]{1,3})?", fullmatch=True)
REGISTRY = st.builds("{}.{}{}".format, LABEL, LABEL, st.sampled_from(["", ":443", ":5000"]))


@given(REGISTRY, REGISTRY)
def test_no_two_registries_have_the_same_variable(one: str, other: str) -> None:
    names = {ImageReference(each, "x").password_variable for each in (one, other)}
    assert len(names) == len({one, other})


def test_a_job_file_cannot_send_another_secret_to_a_registry_of_its_choice() -> None:
    values = {"name": "digits", "region": "us-east-1", "run": "true", "image": "docker:evil.example/x:1"}
    auth = {"username": "me", "password": "AWS_SECRET_ACCESS_KEY"}
    with pytest.raises(ValidationError, match="only the value of REGISTRY_EVIL_EXAMPLE"):
        JobSpec.model_validate({**values, "registry_auth": auth})
    with pytest.raises(ValidationError, match="its image is no container"):
        JobSpec.model_validate({**values, "image": "auto", "registry_auth": auth})

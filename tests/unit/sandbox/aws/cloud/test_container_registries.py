"""The stand-in for registries answers as the distribution API has it, and nobody without its token."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from runctl_auto.errors import AccessDeniedError, JobFileError
from runctl_auto.job_file.image_reference import ImageReference
from runctl_auto.providers.registries.client import Answer, RegistryClient
from runctl_auto.providers.registries.resolved import Login
from sandbox.access.keys import REGISTRIES
from sandbox.aws.cloud.container_registries import ContainerRegistries, index_of

TOKEN = "t0ken"
ADDRESS = f"http://127.0.0.1:9{REGISTRIES}{TOKEN}"


def ask(url: str, headers: Any) -> Answer:
    told: dict[str, Any] = {}
    path, _, query = url.removeprefix("http://127.0.0.1:9").partition("?")
    environ = {
        "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": "GET", "HTTP_HOST": "127.0.0.1:9",
        "HTTP_AUTHORIZATION": headers.get("Authorization", ""),
    }  # fmt: skip

    def start(status: str, given: list[tuple[str, str]]) -> None:
        told.update(
            status=int(status.split(maxsplit=1)[0]), headers={key.lower(): value for key, value in given}
        )

    body = b"".join(ContainerRegistries(TOKEN)(environ, start))
    return Answer(told["status"], told["headers"], body)


def resolve(image: str, login: Login | None = None) -> Any:
    client = RegistryClient(ADDRESS, ask, sleep=lambda seconds: None)
    return client.resolve(ImageReference.parse(image), login)


def test_the_products_client_resolves_a_public_image() -> None:
    found = resolve("docker:python:3.12")
    content = index_of("docker.io", "library/python", "3.12")
    assert content is not None
    assert found.reference.digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert found.platforms == ("linux/amd64", "linux/arm64")


def test_a_private_one_needs_a_right_password() -> None:
    image = "docker:ghcr.io/acme/private/train:1"
    assert resolve(image, Login("robot", "right")).reference.digest
    for login in (None, Login("robot", "wrong")):
        with pytest.raises(AccessDeniedError):
            resolve(image, login)


def test_a_missing_tag() -> None:
    with pytest.raises(JobFileError, match="no image"):
        resolve("docker:python:missing")


@pytest.mark.parametrize("path", ["/wrong/ghcr.io/v2/a/manifests/1", "//ghcr.io/v2/a/manifests/1"])
def test_nobody_without_the_token(path: str) -> None:
    answer = ask(f"http://127.0.0.1:9{REGISTRIES.rstrip('/')}{path}", {})
    assert answer.status == 401
    assert "www-authenticate" not in answer.headers


def test_what_is_no_manifest_is_not_found() -> None:
    basic = base64.b64encode(b"a:b").decode()
    assert ask(f"{ADDRESS}/ghcr.io/v2/a/blobs/sha256:0", {}).status == 404
    assert ask(f"{ADDRESS}/ghcr.io/token", {"Authorization": f"Basic {basic}"}).status == 400
    assert json.loads(ask(f"{ADDRESS}/ghcr.io/token?scope=x", {}).body)["token"]

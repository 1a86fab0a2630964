"""Registries are asked as the distribution API has it: tokens, digests, and refusals that name the image."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping

import pytest

from runctl_auto.errors import (
    AccessDeniedError,
    CloudError,
    JobFileError,
    ThrottledError,
    UnreachableError,
)
from runctl_auto.job_file.image_reference import ImageReference
from runctl_auto.providers.registries.client import Answer, RegistryClient, registry_client
from runctl_auto.providers.registries.manifests import asked_for
from runctl_auto.providers.registries.resolved import Login

BODY = json.dumps(
    {"manifests": [{"platform": {"os": "linux", "architecture": name}} for name in ("amd64", "unknown")]}
).encode()
DIGEST = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
REALM = 'Bearer realm="https://auth.example.com/token",service="reg",scope="repository:acme/train:pull"'
IMAGE = ImageReference.parse("docker:ghcr.io/acme/train:1")


class Registry:
    """Answers in turn, and remembers what it was asked."""

    def __init__(self, *answers: Answer | OSError) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.slept: list[float] = []

    def __call__(self, url: str, headers: Mapping[str, str]) -> Answer:
        self.asked.append((url, dict(headers)))
        answer = self.answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    def client(self, instead: str | None = None) -> RegistryClient:
        return RegistryClient(instead, self, sleep=self.slept.append, fraction=lambda: 0.5)


def found(body: bytes = BODY, **headers: str) -> Answer:
    return Answer(200, {key.replace("_", "-"): value for key, value in headers.items()}, body)


def refused(status: int, challenge: str = "") -> Answer:
    return Answer(status, {"www-authenticate": challenge} if challenge else {}, b"{}")


def test_a_public_tag_is_its_digest_and_platforms() -> None:
    registry = Registry(found(docker_content_digest=DIGEST))
    resolved = registry.client().resolve(IMAGE)
    assert str(resolved.reference) == f"ghcr.io/acme/train@{DIGEST}"
    assert resolved.platforms == ("linux/amd64",)
    ((url, headers),) = registry.asked
    assert url == "https://ghcr.io/v2/acme/train/manifests/1"
    assert "application/vnd.oci.image.index.v1+json" in headers["Accept"]


@pytest.mark.parametrize(
    ("image", "address"),
    [
        ("docker:python:3", "https://registry-1.docker.io/v2/library/python/manifests/3"),
        ("docker:localhost:5000/x:1", "http://localhost:5000/v2/x/manifests/1"),
        ("docker:127.0.0.1:5000/x:1", "http://127.0.0.1:5000/v2/x/manifests/1"),
    ],
)
def test_addresses(image: str, address: str) -> None:
    registry = Registry(found())
    registry.client().resolve(ImageReference.parse(image))
    assert registry.asked[0][0] == address


def test_a_token_is_asked_of_whom_the_registry_names() -> None:
    registry = Registry(refused(401, REALM), found(b'{"token": "t0k"}'), found())
    registry.client().resolve(IMAGE, Login("robot", "s3cret"))
    _, (realm, with_password), (_, with_token) = registry.asked
    assert realm.startswith("https://auth.example.com/token?service=reg&scope=repository%3Aacme%2Ftrain")
    assert with_password["Authorization"] == "Basic " + base64.b64encode(b"robot:s3cret").decode()
    assert with_token["Authorization"] == "Bearer t0k"
    assert "s3cret" not in repr(Login("robot", "s3cret"))


def test_a_password_goes_to_no_unsafe_place() -> None:
    registry = Registry(refused(401, REALM.replace("https", "http")))
    with pytest.raises(AccessDeniedError):
        registry.client().resolve(IMAGE, Login("robot", "s3cret"))
    assert len(registry.asked) == 1


def test_basic_registries() -> None:
    registry = Registry(refused(401, 'Basic realm="x"'), found())
    registry.client().resolve(IMAGE, Login("robot", "s3cret"))
    assert registry.asked[1][1]["Authorization"].startswith("Basic ")
    with pytest.raises(AccessDeniedError):
        Registry(refused(401, 'Basic realm="x"')).client().resolve(IMAGE)


@pytest.mark.parametrize(
    ("answers", "error", "text"),
    [
        ([refused(404)], JobFileError, "There is no image ghcr.io/acme/train:1"),
        ([refused(403)], AccessDeniedError, "does not tell of ghcr.io/acme/train:1 without a login"),
        ([refused(401, REALM), refused(401)], AccessDeniedError, "without a login"),
        ([refused(401, REALM), found(b'{"token": "t"}'), refused(401)], AccessDeniedError, "without"),
        ([refused(400)], CloudError, "answered 400"),
        ([found(b"<html>")], CloudError, "something else than its manifest"),
        ([found(docker_content_digest="sha256:" + "0" * 64)], CloudError, "something else"),
    ],
)
def test_what_cannot_be_resolved_is_told_by_name_at_once(answers, error, text) -> None:
    registry = Registry(*answers)
    with pytest.raises(error, match=text):
        registry.client().resolve(IMAGE)
    assert registry.slept == []


def test_what_passes_is_asked_again() -> None:
    registry = Registry(OSError("reset"), refused(503), found())
    registry.client().resolve(IMAGE)
    assert len(registry.slept) == 2
    with pytest.raises(UnreachableError, match=r"registry ghcr\.io does not answer"):
        Registry(*[OSError("reset")] * 3).client().resolve(IMAGE)
    with pytest.raises(ThrottledError, match="no more requests"):
        Registry(*[refused(429)] * 3).client().resolve(IMAGE)


def test_a_stand_in_has_the_name_of_the_registry_in_its_paths() -> None:
    registry = Registry(found())
    registry.client("http://127.0.0.1:9/r/t").resolve(IMAGE)
    assert registry.asked[0][0] == "http://127.0.0.1:9/r/t/ghcr.io/v2/acme/train/manifests/1"
    assert registry_client({}).instead is None


def test_challenges() -> None:
    scheme, asked = asked_for(REALM)
    assert (scheme, asked["service"]) == ("bearer", "reg")
    assert asked_for("") == ("", {})

"""Asks a registry which digest a tag has: the OCI distribution API over HTTPS, with its tokens.

Nothing is fetched but a manifest of some kilobytes, whose own digest is the answer.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode, urlsplit

from runctl_auto.errors import (
    AccessDeniedError,
    CloudError,
    JobFileError,
    ThrottledError,
    UnreachableError,
)
from runctl_auto.job_file.image_reference import DOCKER_HUB, ImageReference
from runctl_auto.local.retry import DATA_CALLS, AttemptsExhausted, RetryPolicy, repeat
from runctl_auto.providers.registries.manifests import ACCEPTED, asked_for, platforms_in, read_json
from runctl_auto.providers.registries.resolved import Login, ResolvedImage

REGISTRY_VARIABLE = "CONTAINER_REGISTRY_ENDPOINT_URL"
"""What stands for the addresses of all registries."""
_HUB_ADDRESS = "registry-1.docker.io"
_MOST_BYTES = 4 << 20
_CONNECT_SECONDS, _READ_SECONDS = 10.0, 30.0


@dataclass(frozen=True)
class Answer:
    """An answer of a registry. Names of ``headers`` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Send(Protocol):
    """Sends a GET. Raises ``OSError`` when nobody answers."""

    def __call__(self, url: str, headers: Mapping[str, str]) -> Answer: ...


@dataclass(frozen=True)
class RegistryClient:
    """``instead`` stands for the addresses of all registries; their names are the first part of its paths."""

    instead: str | None = None
    send: Send | None = None
    policy: RetryPolicy = DATA_CALLS
    sleep: Callable[[float], None] = time.sleep
    fraction: Callable[[], float] = random.random

    def resolve(self, image: ImageReference, login: Login | None = None) -> ResolvedImage:
        """What ``image`` means now. Blocks; some requests.

        Raises ``JobFileError`` when the registry has no such image, ``AccessDeniedError`` when it tells it to
        others only, ``ThrottledError`` or ``UnreachableError`` when it does not answer.
        """
        try:
            return repeat(
                lambda: self._resolved(image, login),
                lambda error: isinstance(error, (ThrottledError, UnreachableError)),
                policy=self.policy,
                sleep=self.sleep,
                fraction=self.fraction,
            )
        except AttemptsExhausted as error:
            raise error.last from error.__cause__

    def _resolved(self, image: ImageReference, login: Login | None) -> ResolvedImage:
        send = self.send or sender()
        wanted = image.digest or image.tag
        url = f"{self._address(image.registry)}/v2/{image.repository}/manifests/{wanted}"
        answer = self._get(send, url, {"Accept": ACCEPTED}, image)
        if answer.status == 401:
            header = self._authorization(send, answer.headers.get("www-authenticate", ""), image, login)
            answer = self._get(send, url, {"Accept": ACCEPTED, "Authorization": header}, image)
        if answer.status != 200:
            raise problem(answer.status, image, login)
        digest = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
        told = answer.headers.get("docker-content-digest", digest)
        manifest = read_json(answer.body)
        if manifest is None or told != digest or (image.digest not in (None, digest)):
            raise CloudError(
                f"The registry {image.registry} answered for {image} with something else than its manifest.",
                where=_where(image),
            )
        return ResolvedImage(image.at(digest), platforms_in(manifest))

    def _authorization(self, send: Send, challenge: str, image: ImageReference, login: Login | None) -> str:
        """The header that the registry asks for: a password, or a token of whom it names."""
        scheme, asked = asked_for(challenge)
        if scheme == "basic":
            if login is None:
                raise problem(401, image, login)
            return _basic(login)
        realm = asked.pop("realm", "")
        if scheme != "bearer" or not _is_safe(realm):
            raise problem(401, image, login)
        query = urlencode([(key, asked[key]) for key in ("service", "scope") if key in asked])
        headers = {} if login is None else {"Authorization": _basic(login)}
        answer = self._get(send, f"{realm}{'&' if '?' in realm else '?'}{query}", headers, image)
        found = read_json(answer.body) if answer.status == 200 else None
        token = None if found is None else found.get("token") or found.get("access_token")
        if not isinstance(token, str):
            raise problem(401 if answer.status == 200 else answer.status, image, login)
        return f"Bearer {token}"

    def _get(self, send: Send, url: str, headers: Mapping[str, str], image: ImageReference) -> Answer:
        try:
            return send(url, headers)
        except OSError as error:
            raise UnreachableError(
                f"The registry {image.registry} does not answer.",
                where=_where(image),
                next_step=f"Repeat later, or name the image by its digest: {DIGEST_FORM}",
            ) from error

    def _address(self, registry: str) -> str:
        if self.instead is not None:
            return f"{self.instead.rstrip('/')}/{registry}"
        host = _HUB_ADDRESS if registry == DOCKER_HUB else registry
        return f"{'http' if _is_here(host) else 'https'}://{host}"


def registry_client(environ: Mapping[str, str]) -> RegistryClient:
    """As the environment has it: in the sandbox a stand-in answers for all registries."""
    return RegistryClient(environ.get(REGISTRY_VARIABLE) or None)


DIGEST_FORM = "image: docker:REPOSITORY@sha256:..."


def problem(status: int, image: ImageReference, login: Login | None) -> CloudError | JobFileError:
    """The error that an answer of ``status`` means."""
    where = _where(image)
    if status == 404:
        return JobFileError(
            f"There is no image {image}: the registry {image.registry} does not know it.",
            where={**where, "field": "image"},
            next_step="Name a repository and tag that exist. Some registries answer so for private images: "
            "then set registry_auth.",
        )
    if status in (401, 403):
        who = "without a login" if login is None else f"to {login.username}"
        return AccessDeniedError(
            f"The registry {image.registry} does not tell of {image} {who}.",
            code=str(status),
            where=where,
            next_step="Set registry_auth with a user and the variable that holds its password, or check that "
            "the repository exists.",
        )
    if status == 429:
        return ThrottledError(
            f"The registry {image.registry} answers no more requests for now.",
            code="429",
            where=where,
            next_step=f"Repeat later, log in by registry_auth, or name the image by digest: {DIGEST_FORM}",
        )
    kind = UnreachableError if status >= 500 else CloudError
    return kind(f"The registry {image.registry} answered {status} for {image}.", where=where)


def sender() -> Send:
    """Sends over connections of its own; follows no redirects, which would take passwords elsewhere."""
    import urllib3

    pool = urllib3.PoolManager(retries=False)

    def send(url: str, headers: Mapping[str, str]) -> Answer:
        timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS)
        try:
            answer = pool.request(
                "GET", url, headers=dict(headers), timeout=timeout, redirect=False, preload_content=False
            )
            content = answer.read(_MOST_BYTES)
            answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise OSError(str(error)) from error
        return Answer(answer.status, {key.lower(): value for key, value in answer.headers.items()}, content)

    return send


def _basic(login: Login) -> str:
    return "Basic " + base64.b64encode(f"{login.username}:{login.password}".encode()).decode()


def _where(image: ImageReference) -> dict[str, str]:
    return {"image": str(image), "registry": image.registry}


def _is_safe(realm: str) -> bool:
    """Whether a password may be sent there."""
    found = urlsplit(realm)
    return found.scheme == "https" or (found.scheme == "http" and _is_here(found.netloc))


def _is_here(host: str) -> bool:
    """As docker has it: a registry of this machine speaks HTTP."""
    name = host.rpartition(":")[0] if ":" in host else host
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False

"""A stand-in for container registries: the distribution API's manifests and tokens, whatever the registry.

Every image exists for two platforms, but with the tag `missing`; a repository with `private` in its path
needs a user and a password other than `wrong`. Layers are not served: sandbox hosts fetch nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from sandbox.access.keys import REGISTRIES

_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_ANYBODY, _KNOWN = "token-of-anybody", "token-of-a-user"

StartResponse = Callable[..., Any]


class ContainerRegistries:
    """A WSGI application below `REGISTRIES`. Paths begin with the token that admits a caller, and the name of
    the registry."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        status, headers, body = self._answer(environ)
        given = [("Content-Length", str(len(body))), *headers.items()]
        start_response(status, given)
        return [body]

    def _answer(self, environ: dict[str, Any]) -> tuple[str, dict[str, str], bytes]:
        token, _, rest = environ.get("PATH_INFO", "").removeprefix(REGISTRIES).partition("/")
        if not hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self._token.encode()):
            return _refused("401 Unauthorized", "UNAUTHORIZED")
        registry, _, path = rest.partition("/")
        if path == "token":
            return _token_for(environ)
        repository, sign, name = path.removeprefix("v2/").rpartition("/manifests/")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD") or not sign or not path.startswith("v2/"):
            return _refused("404 Not Found", "UNSUPPORTED")
        given = environ.get("HTTP_AUTHORIZATION", "")
        is_private = "private" in repository.split("/")
        if given not in (f"Bearer {_KNOWN}", *(() if is_private else (f"Bearer {_ANYBODY}",))):
            realm = f"http://{environ['HTTP_HOST']}{REGISTRIES}{token}/{registry}/token"
            scope = f"repository:{repository}:pull"
            asked = f'Bearer realm="{realm}",service="{registry}",scope="{scope}"'
            return _refused("401 Unauthorized", "UNAUTHORIZED", {"WWW-Authenticate": asked})
        content = index_of(registry, repository, name)
        if content is None:
            return _refused("404 Not Found", "MANIFEST_UNKNOWN")
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        return "200 OK", {"Content-Type": _INDEX, "Docker-Content-Digest": digest}, content


def index_of(registry: str, repository: str, name: str) -> bytes | None:
    """The manifest of a tag; None for one that does not exist. Digests are not known by themselves."""
    if name == "missing" or name.startswith("sha256:"):
        return None
    text = f"{registry}/{repository}:{name}"
    listed = [
        {
            "mediaType": _MANIFEST,
            "digest": f"sha256:{hashlib.sha256(f'{text} {architecture}'.encode()).hexdigest()}",
            "size": 1000,
            "platform": {"os": "linux", "architecture": architecture},
        }
        for architecture in ("amd64", "arm64")
    ]
    return json.dumps({"schemaVersion": 2, "mediaType": _INDEX, "manifests": listed}).encode()


def _token_for(environ: dict[str, Any]) -> tuple[str, dict[str, str], bytes]:
    scheme, _, given = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if not parse_qs(environ.get("QUERY_STRING", "")).get("scope"):
        return _refused("400 Bad Request", "UNSUPPORTED")
    if not given:
        return "200 OK", {"Content-Type": "application/json"}, json.dumps({"token": _ANYBODY}).encode()
    try:
        user, _, password = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        user = password = ""
    if scheme != "Basic" or not user or password in ("", "wrong"):
        return _refused("401 Unauthorized", "UNAUTHORIZED")
    return "200 OK", {"Content-Type": "application/json"}, json.dumps({"token": _KNOWN}).encode()


def _refused(
    status: str, code: str, headers: dict[str, str] | None = None
) -> tuple[str, dict[str, str], bytes]:
    body = json.dumps({"errors": [{"code": code, "message": code.lower().replace("_", " ")}]}).encode()
    return status, {"Content-Type": "application/json", **(headers or {})}, body

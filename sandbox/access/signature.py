"""AWS Signature Version 4 of a request's headers. Pure; signs for hosts and verifies for the cloud."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from sandbox.access.keys import CloudKeys

ALGORITHM = "AWS4-HMAC-SHA256"
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Credential=(?P<access_key>[\w+=,.@-]+)/(?P<date>\d{{8}})/(?P<region>[a-z0-9-]+)"
    r"/(?P<service>[a-z0-9-]+)/aws4_request, ?SignedHeaders=(?P<headers>[a-z0-9;_-]+), ?"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)
_ONCE_ENCODED = "s3"
"""The service whose paths are signed as they are sent; those of others are encoded once more."""


@dataclass(frozen=True)
class Signature:
    """A parsed `Authorization` header."""

    access_key: str
    date: str
    region: str
    service: str
    headers: tuple[str, ...]
    signature: str

    @classmethod
    def of(cls, authorization: str) -> Signature | None:
        """None when the header is not a signature of this kind, and nothing else."""
        found = _AUTHORIZATION.fullmatch(authorization)
        if found is None:
            return None
        names = tuple(found["headers"].split(";"))
        return cls(
            found["access_key"], found["date"], found["region"], found["service"], names, found["signature"]
        )

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


@dataclass(frozen=True)
class SignedRequest:
    """The parts of a request that its signature covers. `path` and `query` are encoded, as they were sent;
    `header` returns a header's value by its name in lower case."""

    method: str
    path: str
    query: str
    header: Callable[[str], str]
    payload_sha256: str


def is_signed_with(secret: str, signature: Signature, request: SignedRequest) -> bool:
    """Whether the request was signed with this secret. The host and the time must be signed."""
    stamp = request.header("x-amz-date")
    if "host" not in signature.headers or not stamp.startswith(signature.date):
        return False
    return hmac.compare_digest(_signature(secret, signature, request, stamp), signature.signature)


def signed_headers(
    method: str,
    path: str,
    payload_sha256: str,
    headers: Mapping[str, str],
    *,
    keys: CloudKeys,
    place: tuple[str, str],
    now: datetime,
) -> dict[str, str]:
    """`headers` (names in lower case, with `host`) and those of the signature, for a request without a query.

    `place` is region and service, `now` is in UTC.
    """
    stamp = f"{now:%Y%m%dT%H%M%SZ}"
    signed = {**headers, "x-amz-date": stamp}
    signature = Signature(keys.access_key_id, stamp[:8], *place, tuple(sorted(signed)), "")
    request = SignedRequest(method, path, "", signed.__getitem__, payload_sha256)
    value = (
        f"{ALGORITHM} Credential={keys.access_key_id}/{signature.scope}, "
        f"SignedHeaders={';'.join(signature.headers)}, "
        f"Signature={_signature(keys.secret_access_key, signature, request, stamp)}"
    )
    return {**signed, "authorization": value}


def _signature(secret: str, signature: Signature, request: SignedRequest, stamp: str) -> str:
    canonical = "\n".join(
        [
            request.method,
            _path(request.path, signature.service),
            _query(request.query),
            *(f"{name}:{' '.join(request.header(name).split())}" for name in signature.headers),
            "",
            ";".join(signature.headers),
            request.payload_sha256,
        ]
    )
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
    to_sign = "\n".join([ALGORITHM, stamp, signature.scope, digest])
    key = f"AWS4{secret}".encode()
    for step in signature.scope.split("/"):
        key = hmac.new(key, step.encode(), hashlib.sha256).digest()
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


def _path(path: str, service: str) -> str:
    return (path or "/") if service == _ONCE_ENCODED else quote(path or "/", safe="/~")


def _query(query: str) -> str:
    """The parameters sorted by name, then by value."""
    pairs = sorted(part.partition("=")[::2] for part in query.split("&") if part)
    return "&".join(f"{name}={value}" for name, value in pairs)

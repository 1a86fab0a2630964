"""Who may call the cloud: holders of its keys, and role sessions within what their role allows.

Everything else is refused before the request is read: unsigned calls, pages in a browser (an Origin, or a
Host that is not this server's), moto's dashboard, and control calls without the token.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import uuid
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol

from sandbox.access.keys import REGISTRIES, CloudKeys
from sandbox.access.signature import Signature, SignedRequest, is_signed_with
from sandbox.aws.cloud.aws_error import AwsError, render
from sandbox.aws.cloud.container_registries import ContainerRegistries
from sandbox.aws.cloud.control import PREFIX
from sandbox.aws.cloud.operations import AwsCall, read_call
from sandbox.aws.cloud.roles import RoleSession
from sandbox.aws.cloud.session_manager.service import is_channel

StartResponse = Callable[..., Any]
Wsgi = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

_OWN_NAMES = ("127.0.0.1", "localhost")
_MOTO_PATHS = ("moto-api", "favicon.ico")
_LARGEST_BODY = 16 * 1024 * 1024
"""Bytes of a body that is read to verify a signature: of all services but S3, whose requests name its
hash."""
_LARGEST_DRAINED = 8 * 1024 * 1024
"""Bytes of a refused request that are read, so that the caller comes to read the answer."""
_PAYLOAD_HASH = "x-amz-content-sha256"

_NOT_SIGNED = {"s3": "AccessDenied", "ec2": "AuthFailure"}
_UNKNOWN_KEY = {
    "s3": "InvalidAccessKeyId",
    "ec2": "AuthFailure",
    "iam": "InvalidClientTokenId",
    "sts": "InvalidClientTokenId",
}
_WRONG_SIGNATURE = {
    "ec2": "AuthFailure",
    "logs": "InvalidSignatureException",
    "ssm": "InvalidSignatureException",
}


class Sessions(Protocol):
    """The role sessions of the cloud, and what they may do."""

    def find(self, access_key: str) -> RoleSession | None: ...

    def refusal(self, session: RoleSession, call: AwsCall, request: SessionRequest) -> AwsError | None: ...


class SessionRequest(Protocol):
    """What a decision about a role session's call needs beside the call."""

    region: str
    service: str
    headers: Callable[[str], str]
    body: bytes
    query: str


class Guard:
    """Passes requests that are allowed to `cloud`, and answers the others as AWS does."""

    def __init__(self, cloud: Wsgi, keys: CloudKeys, sessions: Sessions) -> None:
        self._cloud = cloud
        self._keys = keys
        self._sessions = sessions
        self._registries = ContainerRegistries(keys.registries_token)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if _is_foreign(environ):
            return _refuse_plainly(environ, start_response, "403 Forbidden", "not for pages of a browser")
        if path.startswith(REGISTRIES):
            return self._registries(environ, start_response)
        if path.startswith(PREFIX):
            if not _same(environ.get("HTTP_AUTHORIZATION", ""), self._keys.bearer):
                return _refuse_plainly(environ, start_response, "401 Unauthorized", "the token is missing")
            return self._cloud(environ, start_response)
        if path.strip("/").lower().startswith(_MOTO_PATHS):
            return _refuse_plainly(environ, start_response, "404 Not Found", "nothing is served here")
        # The first message on a data channel has the token that admits it.
        error = None if is_channel(environ) else self._refusal(environ)
        answers = self._cloud if error is None else partial(_refuse, error)
        return answers(environ, start_response)

    def _refusal(self, environ: dict[str, Any]) -> AwsError | None:
        signature = Signature.of(environ.get("HTTP_AUTHORIZATION", ""))
        if signature is None:
            code = _NOT_SIGNED.get(read_call(environ, b"").service, "MissingAuthenticationToken")
            return AwsError(code, "The request has no signature (version 4, in its header).", 403)
        service = signature.service
        session = None
        if _same(signature.access_key, self._keys.access_key_id):
            secret = self._keys.secret_access_key
        else:
            session = self._sessions.find(signature.access_key)
            if session is None or not _same(environ.get("HTTP_X_AMZ_SECURITY_TOKEN", ""), session.token):
                code = _UNKNOWN_KEY.get(service, "UnrecognizedClientException")
                return AwsError(code, "The access key is not one of this cloud, or its token is wrong.", 403)
            secret = session.secret
        body = _body(environ, service)
        if body is None:
            return AwsError("RequestEntityTooLarge", f"The body has more than {_LARGEST_BODY} bytes.", 413)
        if not is_signed_with(secret, signature, _signed_request(environ, body)):
            code = _WRONG_SIGNATURE.get(service, "SignatureDoesNotMatch")
            return AwsError(code, "The signature is not that of the access key's secret.", 403)
        if session is None:
            return None
        request = _SessionRequest(signature, environ, body)
        return self._sessions.refusal(session, read_call(environ, body), request)


class _SessionRequest:
    def __init__(self, signature: Signature, environ: dict[str, Any], body: bytes) -> None:
        self.region = signature.region
        self.service = signature.service
        self.headers = _headers(environ)
        self.body = body
        self.query = str(environ.get("QUERY_STRING", ""))


def _is_foreign(environ: dict[str, Any]) -> bool:
    """Whether a page of a browser may have sent this: it names its origin, or the host is not this server."""
    if environ.get("HTTP_ORIGIN"):
        return True
    own = {f"{name}:{environ.get('SERVER_PORT', '')}" for name in _OWN_NAMES}
    return environ.get("HTTP_HOST", "").lower() not in own


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), wanted.encode())


def _signed_request(environ: dict[str, Any], body: bytes) -> SignedRequest:
    path, _, query = str(environ.get("RAW_URI") or "/").partition("?")
    header = _headers(environ)
    digest = header(_PAYLOAD_HASH) or hashlib.sha256(body).hexdigest()
    return SignedRequest(environ["REQUEST_METHOD"], path, query, header, digest)


def _headers(environ: dict[str, Any]) -> Callable[[str], str]:
    def header(name: str) -> str:
        key = name.upper().replace("-", "_")
        own = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        return str(environ.get(own, ""))

    return header


def _body(environ: dict[str, Any], service: str) -> bytes | None:
    """The body, read and put back, where the hash or the list of keys is made from it; None when it is too
    large."""
    is_needed = service != "s3" or "delete" in environ.get("QUERY_STRING", "")
    if not is_needed and environ.get("HTTP_X_AMZ_CONTENT_SHA256"):
        return b""
    body = _read(environ, _LARGEST_BODY + 1)
    if len(body) > _LARGEST_BODY:
        return None
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    return body


def _read(environ: dict[str, Any], limit: int) -> bytes:
    length = environ.get("CONTENT_LENGTH")
    if length:
        return bytes(environ["wsgi.input"].read(min(int(length), limit)))
    return bytes(environ["wsgi.input"].read(limit)) if environ.get("wsgi.input_terminated") else b""


def _refuse(error: AwsError, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    _read(environ, _LARGEST_DRAINED)
    request_id = str(uuid.uuid4())
    content_type, text = render(error, read_call(environ, b""), request_id)
    return _answer(
        environ, start_response, f"{error.status} {error.code}", text, content_type, request_id=request_id
    )


def _refuse_plainly(
    environ: dict[str, Any], start_response: StartResponse, status: str, reason: str
) -> Iterable[bytes]:
    _read(environ, _LARGEST_DRAINED)
    return _answer(
        environ, start_response, status, json.dumps({"error": reason}).encode(), "application/json"
    )


def _answer(
    environ: dict[str, Any],
    start_response: StartResponse,
    status: str,
    text: bytes,
    kind: str,
    *,
    request_id: str = "",
) -> Iterable[bytes]:
    headers = [("Content-Type", kind), ("Content-Length", str(len(text))), ("Connection", "close")]
    start_response(status, [*headers, ("x-amzn-RequestId", request_id)] if request_id else headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [text]

"""The signature, held against botocore's."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import given, settings
from hypothesis import strategies as st

from runctl_auto.agent.store.s3_request import Bucket
from runctl_auto.agent.store.sigv4 import Credentials, signed_headers

NOW = datetime(2026, 11, 22, 12, 30, 45, tzinfo=timezone.utc)
KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1, max_size=40).filter(
    lambda key: not key.startswith("/") and "//" not in key and "/." not in key and not key.startswith(".")
)
QUERIES = st.dictionaries(
    st.sampled_from(["prefix", "delimiter", "list-type", "uploadId", "partNumber", "continuation-token"]),
    st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126), max_size=20),
)


def botocore_signature(
    method: str, url: str, headers: dict[str, str], payload: str, token: str | None
) -> str:
    request = AWSRequest(method=method, url=url, headers=headers)
    request.context["timestamp"] = NOW.strftime("%Y%m%dT%H%M%SZ")
    signer = S3SigV4Auth(BotocoreCredentials("AKIA", "secret", token), "s3", "eu-west-1")
    request.headers["X-Amz-Date"] = request.context["timestamp"]
    if token:
        request.headers["X-Amz-Security-Token"] = token
    request.headers["X-Amz-Content-SHA256"] = payload
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    return str(signature)


@settings(max_examples=60, deadline=None)
@given(
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE"]),
    key=KEYS,
    query=QUERIES,
    endpoint=st.sampled_from([None, "http://127.0.0.1:5000"]),
    token=st.sampled_from([None, "token/with+signs=="]),
    body=st.binary(max_size=20),
)
def test_the_signature_is_botocores(  # noqa: PLR0917
    method: str, key: str, query: dict[str, str], endpoint: str | None, token: str | None, body: bytes
) -> None:
    url = Bucket("some-bucket", "eu-west-1", "123456789012", endpoint).url(key, tuple(query.items()))
    headers = {"x-amz-expected-bucket-owner": "123456789012", "content-type": "text/plain"}
    payload = hashlib.sha256(body).hexdigest()
    signed = signed_headers(
        method,
        url,
        headers,
        payload_sha256=payload,
        credentials=Credentials("AKIA", "secret", token),
        region="eu-west-1",
        now=NOW,
    )
    assert signed["authorization"].rpartition("Signature=")[2] == botocore_signature(
        method, url, headers, payload, token
    )
    assert ("x-amz-security-token" in signed) == (token is not None)

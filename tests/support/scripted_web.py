"""A Web that returns scripted responses and records its requests."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field

from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.store.web import Body, Response, Web


@dataclass
class Asked:
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class ScriptedWeb(Web):
    """Each response is (status, body), (status, body, headers) or an error to raise."""

    answers: list[object] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body | None = None,
        timeout: float = 30,
    ) -> Response:
        sent = body if isinstance(body, bytes) else b"".join(body or ())
        self.asked.append(Asked(method, url, dict(headers), sent))
        answer = self.answers.pop(0)
        if isinstance(answer, AgentError):
            raise answer
        assert isinstance(answer, tuple)
        status, content, *rest = answer
        return Response(status, rest[0] if rest else {}, io.BytesIO(content))


def listing_answer(*keys: str, token: str = "") -> tuple[int, bytes]:
    """S3's answer with these keys and one folder; ``token`` names the page that follows."""
    contents = "".join(f"<Contents><Key>{key}</Key><Size>1</Size></Contents>" for key in keys)
    folders = "<CommonPrefixes><Prefix>p/00000001/</Prefix></CommonPrefixes>"
    more = f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    space = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    return 200, f"<ListBucketResult {space}>{contents}{folders}{more}</ListBucketResult>".encode()

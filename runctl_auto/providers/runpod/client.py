"""Calls of RunPod's REST API, version 2: one request, its retries, its typed errors.

Calls block. A call that reads, or that does the same again when repeated, is retried after transient
failures, after ``Retry-After`` where the API states one. A creation is not: the API knows no idempotency
token, so that after a failure nobody knows whether it was carried out; ``creation`` looks for the name
instead.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from runctl_auto.errors import CloudError, RetriesExhaustedError, ThrottledError, UnreachableError
from runctl_auto.local.retry import CONTROL_CALLS, RetryPolicy
from runctl_auto.providers.runpod.access import RunpodAccess
from runctl_auto.providers.runpod.errors import passes, problem, unanswered

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

Query = Mapping[str, "str | int | bool"]
Body = Mapping[str, Any]
_LONGEST_WAIT = 60.0
"""Seconds; a longer ``Retry-After`` is an error at once, for the person to decide."""
_CONNECT_SECONDS, _READ_SECONDS, _STREAM_SECONDS = 10.0, 60.0, 20.0
_MOST_BYTES = 32 << 20
_PART_BYTES = 1 << 16


@dataclass(frozen=True)
class Answer:
    """An answer of the API. Names of ``headers`` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def succeeded(self) -> bool:
        return 200 <= self.status < 300

    @property
    def retry_after(self) -> int | None:
        """Seconds that the API asks to wait; None when it does not say."""
        told = self.headers.get("retry-after", "")
        return int(told) if told.isascii() and told.isdigit() else None


class Send(Protocol):
    """Sends one request and reads its answer: whole, or, with ``quiet``, until none of it has come for so
    many seconds. Raises ``OSError`` or ``urllib3``'s errors."""

    def __call__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, quiet: float | None
    ) -> Answer: ...


class RunpodClient:
    """The API with one key. Threads may share it."""

    def __init__(
        self,
        access: RunpodAccess,
        send: Send | None = None,
        *,
        policy: RetryPolicy = CONTROL_CALLS,
        sleep: Callable[[float], None] = time.sleep,
        fraction: Callable[[], float] = random.random,
    ) -> None:
        self._access = access
        self._send = send or sender()
        self._policy = policy
        self._sleep, self._fraction = sleep, fraction

    @property
    def attempts(self) -> int:
        """How often a call is made before its failure is final."""
        return self._policy.attempts

    def pause(self, attempt: int) -> None:
        """Waits after failed attempt ``attempt``, from 1."""
        self._sleep(self._policy.wait_after(attempt, self._fraction()))

    def read(self, path: str, query: Query | None = None) -> dict[str, Any]:
        """GET. Raises ``NotFoundError`` when there is nothing at ``path``."""
        return self._repeated("GET", path, query=query)

    def change(self, path: str, body: Body) -> dict[str, Any]:
        """PATCH: only the fields of ``body`` change, so that it may be repeated."""
        return self._repeated("PATCH", path, body=body)

    def delete(self, path: str) -> None:
        """DELETE. Raises ``NotFoundError`` when it is gone already, also when an earlier attempt of this call
        deleted it."""
        self._repeated("DELETE", path)

    def create_once(self, path: str, body: Body) -> dict[str, Any]:
        """POST, once, unless the API refused it unseen (429), which is waited for.

        After ``UnreachableError`` nobody knows whether it was carried out.
        """
        return self._repeated("POST", path, body=body, again=lambda error: isinstance(error, ThrottledError))

    def act(self, path: str, action: str) -> dict[str, Any]:
        """POST of a pod's transition; not repeated but after 429. Raises ``CloudError`` with code 409 when
        the pod's status does not allow it."""
        return self.create_once(f"{path}/action", {"action": action})

    def events(self, path: str, query: Query, *, last: str | None = None, quiet: float = 2.0) -> str:
        """The text of a stream of events, until none has come for ``quiet`` seconds. Reads after event
        ``last``."""
        more = {"Accept": "text/event-stream", **({} if last is None else {"Last-Event-ID": last})}
        answer = self._once("GET", path, query, None, more=more, quiet=quiet)
        if not answer.succeeded:
            raise problem(answer.status, answer.body, "GET", path)
        return answer.body.decode(errors="replace")

    def _repeated(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Body | None = None,
        again: Callable[[BaseException], bool] = passes,
    ) -> dict[str, Any]:
        """The decoded answer; empty when it has no body."""
        attempt = 0
        while True:
            attempt += 1
            told = None
            try:
                answer = self._once(method, path, query, body)
                if answer.succeeded:
                    return _decoded(answer, method, path)
                error, told = problem(answer.status, answer.body, method, path), answer.retry_after
            except UnreachableError as unreachable:
                error = unreachable
            if not again(error) or (told or 0) > _LONGEST_WAIT:
                raise error
            if attempt >= self._policy.attempts:
                raise _exhausted(error, attempt) from error
            if told is None:
                self.pause(attempt)
            else:
                self._sleep(told)

    def _once(
        self,
        method: str,
        path: str,
        query: Query | None,
        body: Body | None,
        *,
        more: Mapping[str, str] = MappingProxyType({}),
        quiet: float | None = None,
    ) -> Answer:
        headers = {"Authorization": f"Bearer {self._access.key}", "Accept": "application/json", **more}
        if body is not None:
            headers["Content-Type"] = "application/json"
        url = f"{self._access.endpoint}{path}{_query(query)}"
        sent = None if body is None else json.dumps(body).encode()
        try:
            return self._send(method, url, headers, sent, quiet)
        except (OSError, _http_errors()) as error:
            raise unanswered(method, path, error) from error


def sender() -> Send:
    """Sends over a pool of connections; keeps no cookies and follows no redirects, which would take the key
    elsewhere."""
    import urllib3

    pool = urllib3.PoolManager(retries=False, maxsize=4, block=True)

    def send(
        method: str, url: str, headers: Mapping[str, str], body: bytes | None, quiet: float | None
    ) -> Answer:
        answer = pool.request(
            method,
            url,
            headers=dict(headers),
            body=body,
            timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=quiet or _READ_SECONDS),
            redirect=False,
            preload_content=False,
        )
        try:
            content = answer.read(_MOST_BYTES) if quiet is None else _until_quiet(answer)
        finally:
            if quiet is not None:
                answer.close()
            answer.release_conn()
        return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, content)

    return send


def _until_quiet(answer: BaseHTTPResponse) -> bytes:
    """What a stream sends until it pauses for as long as its connection waits, or for too long without."""
    from urllib3.exceptions import ReadTimeoutError

    found = bytearray()
    give_up = time.monotonic() + _STREAM_SECONDS
    with suppress(ReadTimeoutError):
        while len(found) < _MOST_BYTES and time.monotonic() < give_up:
            part = answer.read1(_PART_BYTES)
            if not part:
                break
            found += part
    return bytes(found)


def _http_errors() -> type[BaseException]:
    import urllib3

    return urllib3.exceptions.HTTPError


def _query(query: Query | None) -> str:
    from urllib.parse import quote, urlencode

    if not query:
        return ""
    told = {name: str(value).lower() if isinstance(value, bool) else value for name, value in query.items()}
    return "?" + urlencode(told, quote_via=quote)


def _decoded(answer: Answer, method: str, path: str) -> dict[str, Any]:
    if not answer.body:
        return {}
    try:
        found = json.loads(answer.body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise CloudError(
            f"RunPod's answer to {method} {path} is no JSON object.",
            code=str(answer.status),
            where={"provider": "runpod"},
        )
    return found


def _exhausted(last: CloudError, attempts: int) -> CloudError:
    """The error after the last attempt: throttled stays what it is, for its reaction is another."""
    if isinstance(last, ThrottledError):
        return last
    return RetriesExhaustedError(
        f"{last.what} ({attempts} attempts)",
        attempts=attempts,
        code=last.code,
        where=last.where,
        next_step=last.next_step,
    )

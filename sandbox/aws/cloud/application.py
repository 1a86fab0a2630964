"""The cloud's WSGI application: moto behind locks, with fault injection and the control interface."""

import io
import json
import tempfile
import threading
import traceback
import uuid
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from typing import Any

from sandbox.aws.cloud import fault_injection, price_list
from sandbox.aws.cloud.aws_error import AwsError, render
from sandbox.aws.cloud.bucket_changes import BucketChanges
from sandbox.aws.cloud.changes import Changes
from sandbox.aws.cloud.control import PREFIX, Control
from sandbox.aws.cloud.disconnected import Disconnected
from sandbox.aws.cloud.fault_injection import FaultInjection
from sandbox.aws.cloud.faults import Faults
from sandbox.aws.cloud.lifecycle import Cause
from sandbox.aws.cloud.operations import AwsCall, read_call
from sandbox.aws.cloud.points import Points
from sandbox.aws.cloud.quotas import SERVICE as QUOTAS
from sandbox.aws.cloud.quotas import Quotas
from sandbox.aws.cloud.session_manager.service import SERVICE as MESSAGES
from sandbox.aws.cloud.session_manager.service import SessionManager, is_channel

SERVICES = frozenset(
    {
        "autoscaling",
        "ec2",
        "ecr",
        fault_injection.SERVICE,
        "iam",
        "kms",
        "logs",
        price_list.SERVICE,
        "s3",
        "scheduler",
        QUOTAS,
        "ssm",
        MESSAGES,
        "sts",
        "tagging",
    }
)
"""Names of the emulated services, as in request signatures."""

_OWN = frozenset({price_list.SERVICE, QUOTAS, fault_injection.SERVICE})
"""Services that moto lacks."""

_IN_MEMORY = 8 * 1024 * 1024
_CHUNK = 256 * 1024
_READ_WHOLE = 1024 * 1024

_DROPPED = AwsError("RequestDropped", "A test has dropped this call on its way to the cloud.")

StartResponse = Callable[..., Any]
Wsgi = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class CloudLocks:
    """moto is not thread-safe: one lock for S3, one for all other services, which read each other's data."""

    def __init__(self) -> None:
        self.plane = threading.RLock()
        self.storage = threading.RLock()

    def of(self, service: str) -> AbstractContextManager[Any]:
        return self.storage if service == "s3" else self.plane


class CloudApplication:
    """Serves AWS calls and the sandbox's control calls on one port.

    `located` adds parameters to a call for faults to match, beyond the call's own; within `launches_fail`,
    launched instances end before they run.
    """

    def __init__(
        self,
        *,
        moto: Wsgi,
        control: Control,
        faults: Faults,
        experiments: FaultInjection,
        points: Points,
        changes: Changes,
        locks: CloudLocks,
        disconnected: Disconnected,
        quotas: Quotas,
        session_manager: SessionManager,
        located: Callable[[AwsCall], AwsCall],
        launches_fail: Callable[[Cause], AbstractContextManager[None]],
    ) -> None:
        self._moto = moto
        self._control = control
        self._faults = faults
        self._experiments = experiments
        self._points = points
        self._changes = changes
        self._locks = locks
        self._disconnected = disconnected
        self._quotas = quotas
        self._session_manager = session_manager
        self._located = located
        self._launches_fail = launches_fail
        self._bucket_changes = BucketChanges()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO", "").startswith(PREFIX):
            return self._control(environ, start_response)
        if is_channel(environ):
            self._session_manager.serve_channel(environ)
            raise ConnectionAbortedError("the data channel is closed")
        if not self._disconnected.may_arrive(environ):
            raise ConnectionAbortedError("the caller has no network")  # the server closes without an answer
        body, start = _receive(environ)
        environ["wsgi.input"] = body
        call = read_call(environ, start)
        with self._bucket_changes.entered(call) as conflict:
            if conflict is not None:
                return _answer_error(conflict, call, environ, start_response)
            return self._carried_out(call, start, environ, start_response)

    def _carried_out(
        self, call: AwsCall, start: bytes, environ: dict[str, Any], start_response: StartResponse
    ) -> Iterable[bytes]:
        if SessionManager.is_of_agent(call):
            told = self._session_manager.answer(call, start, environ)
            if isinstance(told, AwsError):
                return _answer_error(told, call, environ, start_response)
            return _answer_json(told, start_response)
        visit = self._points.enter(call, environ.get("HTTP_USER_AGENT", ""))
        if not self._points.may_pass(visit, "before"):
            return _answer_error(_DROPPED, call, environ, start_response)
        error = self._unknown_service(call)
        fault = self._faults.take(self._located(call)) if error is None and self._faults else None
        cause = fault.ends_launch if fault is not None else None
        if fault is not None and cause is None:
            error = fault.error
        if error is None and (call.service in _OWN or SessionManager.serves(call)):
            told = self._own_answer(call, start, environ)
            if not isinstance(told, AwsError):
                return _answer_json(told, start_response)
            error = told
        if error is None:
            try:
                answer = self._ask_moto(call, environ, start_response, cause)
                self._points.may_pass(visit, "after")
                return answer
            except NotImplementedError as missing:
                error = AwsError("InvalidAction", f"The sandbox's cloud cannot do {call.name}: {missing}")
            except Exception:
                traceback.print_exc()
                error = AwsError(
                    "InternalFailure", f"The sandbox's cloud failed in {call.name}; see its log", 500
                )
        return _answer_error(error, call, environ, start_response)

    @staticmethod
    def _unknown_service(call: AwsCall) -> AwsError | None:
        if call.service in SERVICES:
            return None
        known = ", ".join(sorted(SERVICES))
        return AwsError(
            "InvalidAction", f"The sandbox's cloud has no service '{call.service}'; it has {known}"
        )

    def _own_answer(self, call: AwsCall, body: bytes, environ: dict[str, Any]) -> dict[str, Any] | AwsError:
        """The response of a service that moto lacks, or that has no state in it."""
        if SessionManager.serves(call):
            return self._session_manager.answer(call, body, environ)
        if call.service == price_list.SERVICE:
            return price_list.answer(call.operation, body)
        if call.service == QUOTAS:
            return self._quotas.answer(call.operation, body)
        with self._locks.plane:
            return self._experiments.answer(call, body)

    def _ask_moto(
        self,
        call: AwsCall,
        environ: dict[str, Any],
        start_response: StartResponse,
        launch_fails: Cause | None,
    ) -> Iterable[bytes]:
        """`launch_fails`: why the instances that the call launches end."""
        with ExitStack() as held:
            held.enter_context(self._locks.of(call.service))
            if launch_fails is not None:
                held.enter_context(self._launches_fail(launch_fails))
            answer = self._moto(environ, start_response)
            if not isinstance(answer, list | tuple):
                answer = _taken_in(answer)
        if call.service == "ec2" and call.changes_something:
            self._changes.bump()
        return answer


def _answer_json(content: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    text = json.dumps(content).encode()
    start_response(
        "200 OK", [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(text)))]
    )
    return [text]


def _answer_error(
    error: AwsError, call: AwsCall, environ: dict[str, Any], start_response: StartResponse
) -> Iterable[bytes]:
    request_id = str(uuid.uuid4())
    content_type, text = render(error, call, request_id)
    headers = [
        ("Content-Type", content_type),
        ("Content-Length", str(len(text))),
        ("x-amzn-RequestId", request_id),
    ]
    start_response(f"{error.status} {error.code}", headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [text]


def _taken_in(answer: Iterable[bytes]) -> list[bytes]:
    """The whole body, read while the lock is held: moto reads an object's file while the body is sent."""
    try:
        return list(answer)
    finally:
        close = getattr(answer, "close", None)
        if close is not None:
            close()


def _receive(environ: dict[str, Any]) -> tuple[Any, bytes]:
    """The request's body, read from the network before any lock is taken, and its first megabyte."""
    source = environ["wsgi.input"]
    body = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - lives as long as the request
    length = environ.get("CONTENT_LENGTH")
    if length:
        left = int(length)
        while left > 0 and (chunk := source.read(min(left, _CHUNK))):
            body.write(chunk)
            left -= len(chunk)
    elif environ.get("wsgi.input_terminated"):
        while chunk := source.read(_CHUNK):
            body.write(chunk)
    body.seek(0)
    start = body.read(_READ_WHOLE)
    body.seek(0)
    if len(start) < _READ_WHOLE:
        body.close()
        return io.BytesIO(start), start
    return body, start

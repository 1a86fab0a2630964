"""The control interface `/sandbox-api/*`: for hosts, tests and the sandbox's commands."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, get_args
from urllib.parse import parse_qs

from sandbox.aws.cloud.changes import Changes
from sandbox.aws.cloud.disconnected import Disconnected
from sandbox.aws.cloud.faults import BadFault, Fault, Faults
from sandbox.aws.cloud.lifecycle import Lifecycle, Power, WrongState
from sandbox.aws.cloud.points import BadWatch, Points, Watch
from sandbox.aws.cloud.quotas import Quotas
from sandbox.aws.corrections.eventual_consistency import Consistency
from sandbox.aws.inventory import inventory

PREFIX = "/sandbox-api/"
_LONGEST_POLL = 60.0
_DEFAULT_POLL = 20.0
_DEFAULT_NOTICE = 120.0


class ControlError(Exception):
    """A control call that cannot be served."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Control:
    """Serves the control calls. `lock` guards the lifecycle; a long poll waits without it.

    `storage_lock` guards S3; acquire `lock` first when both are needed. `describe` returns the instances and
    volume ids in the form of the contract.
    """

    cloud_id: str
    lock: AbstractContextManager[Any]
    storage_lock: AbstractContextManager[Any]
    lifecycle: Lifecycle
    changes: Changes
    faults: Faults
    points: Points
    consistency: Consistency
    disconnected: Disconnected
    quotas: Quotas
    describe: Callable[[], dict[str, Any]]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            status, answer = HTTPStatus.OK, self._answer(environ)
        except ControlError as error:
            status, answer = error.status, {"error": str(error)}
        body = json.dumps(answer).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]

    def _answer(self, environ: dict[str, Any]) -> dict[str, Any]:
        method = environ["REQUEST_METHOD"]
        match method, environ["PATH_INFO"].removeprefix(PREFIX).split("/"):
            case "GET", ["health"]:
                answer: dict[str, Any] = {"cloud": self.cloud_id}
            case "GET", ["instances"]:
                answer = self._instances(parse_qs(environ.get("QUERY_STRING", "")))
            case "POST", ["instances", instance_id, order] if order in self._orders:
                answer = self._orders[order](instance_id, _body(environ))
            case _, ["faults"]:
                answer = self._faults(method, environ)
            case _, ["points", *rest]:
                answer = self._numbered(method, rest, environ)
            case "GET", ["history"]:
                with self.lock:
                    answer = {"history": self.lifecycle.history}
            case "GET", ["inventory"]:
                with self.lock, self.storage_lock:
                    answer = dict(inventory())
            case "POST", ["consistency"]:
                answer = self._set_consistency(_body(environ))
            case "POST", ["quotas"]:
                answer = self._set_quotas(_body(environ))
            case _:
                raise ControlError(HTTPStatus.NOT_FOUND, f"no call {method} {environ['PATH_INFO']}")
        return answer

    @property
    def _orders(self) -> dict[str, Callable[[str, dict[str, Any]], dict[str, Any]]]:
        """What is done to one instance, by the last part of the path."""
        return {
            "ended": self._ended,
            "interrupt": self._interrupt,
            "rebalance": self._recommend_rebalance,
            "network": self._set_network,
            "power": self._set_power,
        }

    def _instances(self, query: dict[str, list[str]]) -> dict[str, Any]:
        since = _number(query, "since", -1)
        timeout = min(_number(query, "timeout", _DEFAULT_POLL), _LONGEST_POLL)
        with self.lock:
            self.lifecycle.host_manager_seen()
        self.changes.wait(int(since), timeout)
        with self.lock:
            self.lifecycle.host_manager_seen()
            version = self.changes.version
            return {"version": version, **self.describe()}

    def _ended(self, instance_id: str, body: dict[str, Any]) -> dict[str, Any]:
        boot = body.get("boot")
        if not isinstance(boot, int):
            raise ControlError(HTTPStatus.BAD_REQUEST, "'boot' says which start of the instance has ended")
        with self.lock:
            self.lifecycle.host_manager_seen()
            return {"taken": self.lifecycle.host_ended(instance_id, boot)}

    def _interrupt(self, instance_id: str, body: dict[str, Any]) -> dict[str, Any]:
        notice = body.get("notice_seconds", _DEFAULT_NOTICE)
        if not isinstance(notice, int | float) or notice < 0:
            raise ControlError(HTTPStatus.BAD_REQUEST, f"'notice_seconds' is a number from 0, not {notice!r}")
        with self.lock, self._spot_instance(instance_id):
            interruption = self.lifecycle.interrupt(instance_id, notice)
        return {"action": interruption.action, "time": interruption.time}

    def _recommend_rebalance(self, instance_id: str, body: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        with self.lock, self._spot_instance(instance_id):
            return {"time": self.lifecycle.recommend_rebalance(instance_id)}

    @contextmanager
    def _spot_instance(self, instance_id: str) -> Iterator[None]:
        """Answers for an instance that does not exist, is no spot instance, or does not run."""
        life = self.lifecycle.find(instance_id)
        if life is None:
            raise ControlError(HTTPStatus.NOT_FOUND, f"no instance {instance_id}")
        if not life.machine.is_spot:
            raise ControlError(HTTPStatus.CONFLICT, f"{instance_id} is not a spot instance")
        try:
            yield
        except WrongState as error:
            raise ControlError(HTTPStatus.CONFLICT, str(error)) from error

    def _set_network(self, instance_id: str, body: dict[str, Any]) -> dict[str, Any]:
        connected = body.get("connected")
        if not isinstance(connected, bool):
            raise ControlError(HTTPStatus.BAD_REQUEST, "'connected' is true or false")
        with self.lock:
            if self.lifecycle.find(instance_id) is None:
                raise ControlError(HTTPStatus.NOT_FOUND, f"no instance {instance_id}")
        self.disconnected.set(instance_id, connected=connected)
        return {"connected": connected}

    def _set_power(self, instance_id: str, body: dict[str, Any]) -> dict[str, Any]:
        power: Any = body.get("power")
        if power not in get_args(Power):
            raise ControlError(HTTPStatus.BAD_REQUEST, f"'power' is one of {', '.join(get_args(Power))}")
        with self.lock:
            if self.lifecycle.find(instance_id) is None:
                raise ControlError(HTTPStatus.NOT_FOUND, f"no instance {instance_id}")
            try:
                self.lifecycle.set_power(instance_id, power)
            except WrongState as error:
                raise ControlError(HTTPStatus.CONFLICT, str(error)) from error
        return {"power": power}

    def _faults(self, method: str, environ: dict[str, Any]) -> dict[str, Any]:
        if method == "DELETE":
            self.faults.clear()
        elif method == "POST":
            try:
                self.faults.add(Fault.from_json(_body(environ)))
            except BadFault as error:
                raise ControlError(HTTPStatus.BAD_REQUEST, str(error)) from error
        elif method != "GET":
            raise ControlError(
                HTTPStatus.METHOD_NOT_ALLOWED, f"faults know GET, POST and DELETE, not {method}"
            )
        return {"faults": self.faults.as_json()}

    def _numbered(self, method: str, rest: list[str], environ: dict[str, Any]) -> dict[str, Any]:
        match method, rest:
            case "GET", []:
                query = parse_qs(environ.get("QUERY_STRING", ""))
                return self.points.as_json(min(_number(query, "timeout", 0.0), _LONGEST_POLL))
            case "DELETE", []:
                self.points.watch(None)
            case "POST", []:
                try:
                    self.points.watch(Watch.from_json(_body(environ)))
                except BadWatch as error:
                    raise ControlError(HTTPStatus.BAD_REQUEST, str(error)) from error
            case "POST", ["release"]:
                if not self.points.release(drop=bool(_body(environ).get("drop", False))):
                    raise ControlError(HTTPStatus.CONFLICT, "no call is held")
            case _:
                raise ControlError(HTTPStatus.NOT_FOUND, f"no call {method} {environ['PATH_INFO']}")
        return self.points.as_json()

    def _set_consistency(self, body: dict[str, Any]) -> dict[str, Any]:
        delay = body.get("delay_seconds")
        if not isinstance(delay, int | float) or delay < 0:
            raise ControlError(HTTPStatus.BAD_REQUEST, f"'delay_seconds' is a number from 0, not {delay!r}")
        self.consistency.delay_seconds = float(delay)
        return {"delay_seconds": self.consistency.delay_seconds}

    def _set_quotas(self, body: dict[str, Any]) -> dict[str, Any]:
        if not all(isinstance(value, int | float) and value >= 0 for value in body.values()):
            raise ControlError(HTTPStatus.BAD_REQUEST, "quotas are numbers from 0, by quota code")
        try:
            return dict(self.quotas.set({code: float(value) for code, value in body.items()}))
        except KeyError as error:
            raise ControlError(HTTPStatus.BAD_REQUEST, f"no quota {error}") from None


def _number(query: dict[str, list[str]], name: str, default: float) -> float:
    try:
        return float(query.get(name, [str(default)])[0])
    except ValueError:
        raise ControlError(HTTPStatus.BAD_REQUEST, f"{name!r} is a number") from None


def _body(environ: dict[str, Any]) -> dict[str, Any]:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    try:
        body = json.loads(environ["wsgi.input"].read(length) or b"{}")
    except ValueError:
        raise ControlError(HTTPStatus.BAD_REQUEST, "the body is not JSON") from None
    if not isinstance(body, dict):
        raise ControlError(HTTPStatus.BAD_REQUEST, "the body is not a JSON object")
    return body

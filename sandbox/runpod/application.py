"""What the stand-in answers: RunPod's API as the digest has it, and `/sandbox-api/` for the sandbox."""

from __future__ import annotations

import hmac
import json
import re
import threading
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sandbox.runpod import catalogue
from sandbox.runpod.account import Account, Item
from sandbox.runpod.bills import pod_bill, volume_bill, window
from sandbox.runpod.faults import BadFault, Fault, Faults
from sandbox.runpod.log_stream import MOST_TAIL, TAIL
from sandbox.runpod.pod_hosts import RunsPods
from sandbox.runpod.problem import CONTENT_TYPE, Problem
from sandbox.runpod.shapes import digest

CONTROL = "/sandbox-api/"
_COLLECTIONS = {
    "pods": "pods",
    "network-volumes": "networkVolumes",
    "templates": "templates",
    "secrets": "secrets",
}
_LOG = re.compile(r"/v2/pods/(?P<pod>[^/]+)/logs")


@dataclass(frozen=True)
class Request:
    """`headers` have names in lower case; `query` the first value of each name."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def of(cls, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        return cls(method, parts.path, query, {name.lower(): value for name, value in headers.items()}, body)


@dataclass(frozen=True)
class LogRequest:
    """A pod's log that is to be streamed."""

    pod: str
    created_at: str
    tail: int
    after: str | None


@dataclass(frozen=True)
class Response:
    """An answer; `log` is streamed instead of a body."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    log: LogRequest | None = None


class Application:
    """Safe to use from several threads. `seen` are the operations so far, in order, for tests."""

    def __init__(
        self, account: Account, hosts: RunsPods, key: str, control_token: str, url: str = ""
    ) -> None:
        self.url = url
        self.lock = threading.Lock()
        self.seen: list[str] = []
        self._account, self._hosts = account, hosts
        self._key, self._control_token = key, control_token
        self._faults = Faults()

    def __call__(self, request: Request) -> Response:
        try:
            if request.path.startswith(CONTROL):
                return self._control(request)
            return self._answer(request)
        except Problem as problem:
            return Response(problem.status.value, problem.body(), CONTENT_TYPE, problem.headers)

    def tell(self, pod: str, status: str) -> None:
        """What the pod's processes have come to."""
        with self.lock:
            self._account.set_status(pod, status)

    def resume(self, adopted: Set[str]) -> None:
        """After a crash: starts the pods that were created only, and ends those that no longer exist."""
        with self.lock:
            pods = {each["id"]: each for each in self._account.all("pods")}
            for identity in adopted - pods.keys():
                self._hosts.end(identity, at_once=True)
            for identity, pod in pods.items():
                if pod["status"] in ("PROVISIONING", "STARTING") and identity not in adopted:
                    self._start(pod)

    # -- RunPod's API

    def _answer(self, request: Request) -> Response:
        name, identity = _operation(request)
        operation = digest().operations[name]
        with self.lock:
            self.seen.append(name)
        body = _decoded(request.body) if "body" in operation else {}
        self._admit(request, name, identity)
        fault = self._faults.take(name, body)
        if fault is not None and fault.kind != "failing-after":
            raise fault.problem
        if "body" in operation:
            violations = list(digest().violations(f"@{operation['body']}", body))
            if violations:
                raise Problem(422, "Request validation failed.", errors=violations)
        with self.lock:
            answer = self._carry_out(name, identity, body, request)
        if fault is not None:
            raise fault.problem
        return answer

    def _admit(self, request: Request, name: str, identity: str | None) -> None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not key:
            raise Problem(401, "missing bearer token")
        if hmac.compare_digest(key.encode(), self._key.encode()):
            return
        with self.lock:
            pod = self._account.pod_of_key(key) if key.isascii() else None
        if pod is None:
            raise Problem(401, "invalid API key")
        if pod != identity or not name.split(" ")[1].startswith("/v2/pods/"):
            raise Problem(403, "access denied")

    def _carry_out(self, name: str, identity: str | None, body: Item, request: Request) -> Response:
        method, path = name.split(" ")
        parts = path.removeprefix("/v2/").removeprefix("account/").split("/")
        if parts[0] == "catalog":
            return _ok(self._catalogue(parts[1], request.query))
        if parts[0] == "billing":
            start, end = window(request.query, self._account.now())
            bill = pod_bill if parts[1] == "pods" else volume_bill
            return _ok(bill(self._account.uses.of(_COLLECTIONS[parts[1]]), start, end))
        if identity is None:
            return self._on_all(method, _COLLECTIONS[parts[0]], body)
        if parts[-1] == "logs":
            return self._log(identity, request)
        if parts[-1] == "action":
            return self._act(identity, body["action"])
        return self._on_one(method, _COLLECTIONS[parts[0]], identity, body)

    def _on_all(self, method: str, kind: str, body: Item) -> Response:
        if method == "GET":
            return _ok({kind: self._account.all(kind)})
        return _ok(self._create(kind, body), 201)

    def _on_one(self, method: str, kind: str, identity: str, body: Item) -> Response:
        if method == "GET":
            return _ok(self._account.one(kind, identity))
        if method == "PATCH":
            return _ok(self._update[kind](identity, body))
        self._delete(kind, identity)
        return Response(204)

    def _create(self, kind: str, body: Item) -> Item:
        if kind != "pods":
            makers: dict[str, Callable[[Mapping[str, Any]], Item]] = {
                "networkVolumes": self._account.create_volume,
                "templates": self._account.create_template,
                "secrets": self._account.create_secret,
            }
            return makers[kind](body)
        made = self._account.create_pod(body)
        self._start(made)
        return made

    @property
    def _update(self) -> dict[str, Callable[[str, Mapping[str, Any]], Item]]:
        return {
            "pods": self._account.update_pod,
            "networkVolumes": self._account.update_volume,
            "templates": self._account.update_template,
            "secrets": self._account.update_secret,
        }

    def _delete(self, kind: str, identity: str) -> None:
        if kind == "pods":
            self._account.terminate(identity)
            self._hosts.end(identity)
            return
        self._account.delete(kind, identity)
        if kind == "networkVolumes":
            self._hosts.forget_volume(identity)

    def _act(self, identity: str, action: str) -> Response:
        changed = self._account.act(identity, action)
        if changed is None:
            self._hosts.end(identity)
            return Response(204)
        if action in ("start", "restart"):
            self._start(changed)
        else:
            self._hosts.end(identity, keep_disk=True)
        return _ok(changed)

    def _start(self, pod: Item) -> None:
        compute = pod.get("gpu", {}).get("count", 0)
        volumes = [mount["volumeId"] for mount in pod["mounts"].get("network", ())]
        own = {
            "RUNPOD_POD_ID": pod["id"],
            "RUNPOD_POD_HOSTNAME": pod["id"],
            "RUNPOD_DC_ID": pod["dataCenterId"],
            "RUNPOD_GPU_COUNT": str(compute),
            "RUNPOD_CPU_COUNT": str(pod.get("cpu", {}).get("vcpuCount", 8)),
            "RUNPOD_API_KEY": self._account.pod_key(pod["id"]),
            "RUNPOD_ENDPOINT_URL": self.url,
            **({"RUNPOD_VOLUME_ID": volumes[0]} if volumes else {}),
        }
        self._hosts.start(pod, {**own, **self._account.environment(pod)})

    def _log(self, identity: str, request: Request) -> Response:
        pod = self._account.one("pods", identity)
        tail = request.query.get("tail", str(TAIL))
        if not tail.isdigit() or int(tail) > MOST_TAIL:
            raise Problem(422, "Request validation failed.", errors=["tail: is not within 0..5000"])
        after = request.headers.get("last-event-id") or request.query.get("since")
        wanted = LogRequest(identity, pod["createdAt"], int(tail), after)
        return Response(200, content_type="text/event-stream", log=wanted)

    def _catalogue(self, kind: str, query: Mapping[str, str]) -> dict[str, Any]:
        if kind == "datacenters":
            return {"dataCenters": [dict(each) for each in catalogue.DATA_CENTRES]}
        types = catalogue.GPUS if kind == "gpus" else catalogue.CPUS
        if query.get("include") != "AVAILABILITY":
            return {kind: [dict(each) for each in types]}
        if "product" not in query:
            raise Problem(400, "product is needed with include=AVAILABILITY.")
        cloud = query.get("cloud", "SECURE")
        return {kind: [catalogue.with_availability(each, "HIGH", cloud) for each in types]}

    # -- the sandbox's own calls

    def _control(self, request: Request) -> Response:
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {self._control_token}".encode()):
            return _refused(401, "the token is not that of this sandbox")
        parts = request.path.removeprefix(CONTROL).split("/")
        match request.method, parts:
            case "GET", ["inventory" | "operations" as what]:
                answer = _ok(self._told(what))
            case "POST", ["pods", pod, "vanish"]:
                answer = _ok(self._vanish(pod))
            case method, ["faults"]:
                answer = self._set_faults(method, request.body)
            case _:
                answer = _refused(404, f"no call {request.method} {request.path}")
        return answer

    def _told(self, what: str) -> dict[str, Any]:
        """All that the account holds, or the operations so far."""
        with self.lock:
            if what == "operations":
                return {what: list(self.seen)}
            return {kind: self._account.all(kind) for kind in _COLLECTIONS.values()}

    def _vanish(self, pod: str) -> dict[str, Any]:
        """The pod's machine is lost, with the pod."""
        with self.lock:
            self._account.lose(pod)
        self._hosts.end(pod, at_once=True)
        return {"vanished": pod}

    def _set_faults(self, method: str, body: bytes) -> Response:
        if method == "DELETE":
            self._faults.clear()
        elif method == "POST":
            try:
                self._faults.add(Fault.from_json(_decoded(body)))
            except BadFault as error:
                return _refused(400, str(error))
        return _ok({"faults": self._faults.as_json()})


def _operation(request: Request) -> tuple[str, str | None]:
    """The name of the operation in the digest, and the id in its path. Raises Problem 404 or 405."""
    known_path = False
    for name in digest().operations:
        method, path = name.split(" ")
        pattern = re.escape(path).replace(re.escape("{id}"), "(?P<id>[^/]+)")
        found = re.fullmatch(pattern, request.path)
        if found is None:
            continue
        if method == request.method:
            return name, found.groupdict().get("id")
        known_path = True
    if known_path:
        raise Problem(405, "The requested method is not allowed for this path.")
    raise Problem(404, "resource not found")


def _decoded(body: bytes) -> Item:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        raise Problem(400, "the body is not JSON") from None
    if not isinstance(found, dict):
        raise Problem(422, "Request validation failed.", errors=["the body: is no object"])
    return found


def _ok(content: Mapping[str, Any], status: int = 200) -> Response:
    return Response(status, json.dumps(content).encode())


def _refused(status: int, why: str) -> Response:
    return Response(status, json.dumps({"error": why}).encode())

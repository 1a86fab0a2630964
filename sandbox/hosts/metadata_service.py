"""The instance metadata service of one host, version 2 only: requests need a session token.

On AWS only the instance reaches it. Here its port is open to every process of the machine, so its paths begin
with a secret, which is in the address that the host's environment names.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol

from sandbox.hosts.cloud_client import CloudError, Instance, RoleCredentials

_TOKEN_HEADER = "X-aws-ec2-metadata-token"  # noqa: S105 - a header's name
_TTL_HEADER = "X-aws-ec2-metadata-token-ttl-seconds"
_LONGEST_TTL = 21600
_MOST_TOKENS = 1000
_CREDENTIAL_SECONDS = 3600
_RENEW_BEFORE = timedelta(minutes=10)
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_WAKE_UPS = 20
_REBALANCE = "events/recommendations/rebalance"
_REBALANCE_LEAD = timedelta(minutes=2)


class Headers(Protocol):
    """Headers of a request."""

    def get(self, name: str, /) -> str | None: ...


class SessionTokens:
    """Issued tokens with their expiry times. At most 1000 are kept."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends: dict[str, float] = {}
        self._lock = threading.Lock()

    def issue(self, ttl: int) -> str:
        token = secrets.token_urlsafe(32)
        with self._lock:
            while len(self._ends) >= _MOST_TOKENS:
                self._ends.pop(next(iter(self._ends)))
            self._ends[token] = self._clock() + ttl
        return token

    def valid(self, token: str | None) -> bool:
        with self._lock:
            return token is not None and self._ends.get(token, 0.0) > self._clock()


@dataclass(frozen=True)
class Sources:
    """The data that the service requests from the cloud on demand. Each may raise CloudError."""

    user_data: Callable[[Instance], bytes]
    instance_profile: Callable[[Instance], tuple[str, str] | None]
    role_credentials: Callable[[Instance, int], RoleCredentials]


class Metadata:
    """Metadata of one instance; `instance` is replaced as a whole when the cloud reports a change."""

    def __init__(
        self,
        instance: Instance,
        sources: Sources,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self.instance = instance
        self._sources = sources
        self._now = now
        self._credentials: tuple[str, datetime, RoleCredentials] | None = None
        self._lock = threading.Lock()

    def get(self, path: str) -> bytes | None:
        """The value at `path` (below /latest/); None: not found. Raises CloudError."""
        if path == "user-data":
            return self._sources.user_data(self.instance) or None
        if path == "dynamic/instance-identity/document":
            return json.dumps(self._identity(), indent=2).encode()
        section, _, rest = path.partition("/")
        if section == "meta-data":
            return self._meta_data(rest)
        return {"": b"dynamic\nmeta-data\nuser-data", "dynamic": b"instance-identity/"}.get(path.strip("/"))

    def _identity(self) -> dict[str, str | None]:
        instance = self.instance
        return {
            "accountId": instance.account,
            "architecture": "arm64" if instance.type.partition(".")[0].endswith("g") else "x86_64",
            "availabilityZone": instance.zone,
            "imageId": instance.image,
            "instanceId": instance.id,
            "instanceType": instance.type,
            "pendingTime": instance.launched_at,
            "privateIp": instance.private_ip,
            "region": instance.region,
            "version": "2017-09-30",
        }

    def _meta_data(self, path: str) -> bytes | None:
        leaves, computed = self._leaves(), self._computed_leaves()
        wanted = path.strip("/")
        told = computed[wanted]() if wanted in computed else leaves.get(wanted)
        if told is not None:
            return told.encode()
        below = f"{wanted}/" if wanted else ""
        names = {
            name + ("/" if rest else "")
            for leaf in (*leaves, *computed)
            if leaf.startswith(below)
            for name, rest in [_first_part(leaf[len(below) :])]
        }
        if below.startswith("iam/security-credentials"):
            names = {name.strip("/") for name in names}
        return "\n".join(sorted(names)).encode() if names else None

    def _leaves(self) -> dict[str, str]:
        instance = self.instance
        hostname = f"{host_name(instance)}.{instance.region}.compute.internal"
        return {
            "ami-id": instance.image,
            "hostname": hostname,
            "instance-id": instance.id,
            "instance-life-cycle": instance.market,
            "instance-type": instance.type,
            "local-hostname": hostname,
            "local-ipv4": own_address(instance),
            "placement/availability-zone": instance.zone,
            "placement/region": instance.region,
            "services/domain": "amazonaws.com",
            "services/partition": "aws",
            **{f"tags/instance/{key}": value for key, value in instance.tags.items() if "/" not in key},
            **self._interruption(),
        }

    def _computed_leaves(self) -> dict[str, Callable[[], str | None]]:
        if not self.instance.role:
            return {}
        role = self.instance.role.rpartition("/")[2]
        return {"iam/info": self._iam_info, f"iam/security-credentials/{role}": self._role_credentials}

    def _interruption(self) -> dict[str, str]:
        told, recommended = self.instance.interruption, self.instance.rebalance
        if not told:
            return {} if recommended is None else {_REBALANCE: json.dumps({"noticeTime": recommended})}
        noticed = self._now().strftime(_TIME)
        with contextlib.suppress(ValueError):
            ends = datetime.strptime(told["time"], _TIME).replace(tzinfo=timezone.utc)
            noticed = recommended or (ends - _REBALANCE_LEAD).strftime(_TIME)
        found = {
            "spot/instance-action": json.dumps({"action": told["action"], "time": told["time"]}),
            _REBALANCE: json.dumps({"noticeTime": noticed}),
        }
        if told["action"] == "terminate":
            found["spot/termination-time"] = told["time"]
        return found

    def _iam_info(self) -> str | None:
        profile = self._sources.instance_profile(self.instance)
        if profile is None:
            return None
        updated = self._now().strftime(_TIME)
        told = {"Code": "Success", "LastUpdated": updated}
        return json.dumps(
            {**told, "InstanceProfileArn": profile[0], "InstanceProfileId": profile[1]}, indent=2
        )

    def _role_credentials(self) -> str:
        updated, found = self._fresh_credentials()
        return json.dumps(
            {
                "Code": "Success",
                "LastUpdated": updated.strftime(_TIME),
                "Type": "AWS-HMAC",
                "AccessKeyId": found.access_key_id,
                "SecretAccessKey": found.secret_access_key,
                "Token": found.token,
                "Expiration": found.expiration.strftime(_TIME),
            },
            indent=2,
        )

    def _fresh_credentials(self) -> tuple[datetime, RoleCredentials]:
        with self._lock:
            role, now = str(self.instance.role), self._now()
            kept = self._credentials
            if kept is None or kept[0] != role or kept[2].expiration - now < _RENEW_BEFORE:
                found = self._sources.role_credentials(self.instance, _CREDENTIAL_SECONDS)
                kept = self._credentials = (role, now, found)
            return kept[1], kept[2]


def own_address(instance: Instance) -> str:
    """The host's own address: on AWS its private one. The hosts of a sandbox share one network, in which all
    of 127.0.0.0/8 is theirs: the last three numbers of the private address tell them apart.
    """
    first, dot, rest = instance.private_ip.partition(".")
    return f"127.{rest}" if first and dot else instance.private_ip


def host_name(instance: Instance) -> str:
    """The instance's private DNS name, derived from its address as in EC2."""
    return f"ip-{instance.private_ip.replace('.', '-')}" if instance.private_ip else instance.id


def _first_part(path: str) -> tuple[str, str]:
    name, _, rest = path.partition("/")
    return name, rest


def path_of_host(path: str, headers: Headers, secret: str, port: int) -> str | None:
    """The path of a request as on AWS; None when it lacks the secret, or comes from a page in a browser.

    An empty secret fits nothing.
    """
    if headers.get("Origin") or headers.get("Host") != f"127.0.0.1:{port}" or not secret:
        return None
    given, _, rest = path.removeprefix("/").partition("/")
    return f"/{rest}" if hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode()) else None


class MetadataServer(ThreadingHTTPServer):
    """Serves one instance's metadata on loopback in its own thread, until `close`."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, metadata: Metadata, secret: str, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.metadata = metadata
        self._secret = secret
        self.tokens = SessionTokens()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 3600}, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        """The address for AWS_EC2_METADATA_SERVICE_ENDPOINT."""
        return f"http://127.0.0.1:{self.port}/{self._secret}/"

    def path_of(self, handler: BaseHTTPRequestHandler) -> str | None:
        """The path of a request as on AWS; None when it is not the host's."""
        return path_of_host(handler.path, handler.headers, self._secret, self.port)

    def close(self) -> None:
        """End the thread and free the port. Requests in progress continue in their own threads."""
        stopping = threading.Thread(target=self.shutdown, daemon=True)
        stopping.start()
        for _ in range(_WAKE_UPS):
            with contextlib.suppress(OSError):  # a connection makes the loop check for shutdown
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            stopping.join(0.05)
            if not stopping.is_alive():
                break
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: MetadataServer
    protocol_version = "HTTP/1.1"
    server_version = "EC2ws"
    timeout = 20

    def do_PUT(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if length.isdigit() and int(length) <= 1024:
            self.rfile.read(int(length))
        ttl = self.headers.get(_TTL_HEADER, "")
        path = self.server.path_of(self)
        if path is None or self.headers.get("X-Forwarded-For"):
            self._answer(HTTPStatus.FORBIDDEN)
        elif path != "/latest/api/token":
            self._answer(HTTPStatus.NOT_FOUND)
        elif not ttl.isdigit() or not 1 <= int(ttl) <= _LONGEST_TTL:
            self._answer(HTTPStatus.BAD_REQUEST)
        else:
            self._answer(HTTPStatus.OK, self.server.tokens.issue(int(ttl)).encode(), {_TTL_HEADER: ttl})

    def do_GET(self) -> None:
        path = self.server.path_of(self)
        if path is None:
            return self._answer(HTTPStatus.FORBIDDEN)
        if not self.server.tokens.valid(self.headers.get(_TOKEN_HEADER)):
            return self._answer(HTTPStatus.UNAUTHORIZED)
        if not path.startswith("/latest/"):
            return self._answer(HTTPStatus.NOT_FOUND)
        try:
            told = self.server.metadata.get(path[len("/latest/") :])
        except CloudError:
            return self._answer(HTTPStatus.SERVICE_UNAVAILABLE)
        return self._answer(HTTPStatus.NOT_FOUND) if told is None else self._answer(HTTPStatus.OK, told)

    do_HEAD = do_GET  # noqa: N815 - the name that the server looks up

    def _answer(self, status: HTTPStatus, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: every agent polls every few seconds."""

"""Client of the emulated cloud for the hosts' manager: the control interface, and a few calls of EC2 and STS.

The calls are implemented here because loading an AWS SDK would take longer than starting all hosts.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from xml.etree import ElementTree

from sandbox.access.keys import CloudKeys
from sandbox.access.signature import signed_headers

_QUICK_SECONDS = 8.0
_FORM = "application/x-www-form-urlencoded; charset=utf-8"
_VERSIONS = {"ec2": "2016-11-15", "sts": "2011-06-15"}


class CloudError(Exception):
    """The cloud did not respond, or rejected a call. The message names the call and the reason."""


@dataclass(frozen=True)
class AttachedVolume:
    id: str
    device: str
    root: bool
    size_gb: int
    snapshot: str | None = None


@dataclass(frozen=True)
class Instance:
    """An instance as returned by the control interface."""

    id: str
    region: str
    zone: str
    type: str
    state: str
    boot: int
    market: str = "on-demand"
    image: str = ""
    account: str = ""
    private_ip: str = ""
    role: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[AttachedVolume, ...] = ()
    interruption: Mapping[str, str] | None = None
    rebalance: str | None = None
    power: str = "on"
    """`on`, `frozen` (it hangs) or `cut`."""
    launched_at: str | None = None


@dataclass(frozen=True)
class Snapshot:
    """All instances and volumes at one version of the cloud; `snapshots` maps snapshots to their volumes."""

    version: int
    instances: tuple[Instance, ...]
    volumes: frozenset[str]
    snapshots: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RoleCredentials:
    access_key_id: str
    secret_access_key: str
    token: str
    expiration: datetime


class CloudClient:
    """Calls block, are not retried, and raise CloudError."""

    def __init__(self, url: str, keys: CloudKeys) -> None:
        self.url = url.rstrip("/")
        self._keys = keys
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def snapshot(self, since: int, timeout: float) -> Snapshot:
        """The state of the cloud once its version exceeds `since`, or after `timeout` seconds."""
        query = urllib.parse.urlencode({"since": since, "timeout": timeout})
        return snapshot_of(
            self._control("GET", f"/sandbox-api/instances?{query}", None, timeout + _QUICK_SECONDS)
        )

    def report_ended(self, instance: str, boot: int) -> None:
        """Report that the machine of this boot has halted."""
        self._control("POST", f"/sandbox-api/instances/{instance}/ended", {"boot": boot}, _QUICK_SECONDS)

    def user_data(self, instance: Instance) -> bytes:
        """The instance's user data, byte for byte; empty when there is none."""
        answer = self._query(
            "ec2", instance.region, "DescribeInstanceAttribute",
            {"InstanceId": instance.id, "Attribute": "userData"},
        )  # fmt: skip
        text = _text(answer, "userData/value")
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise CloudError(f"the user data of {instance.id} is not base64: {error}") from error

    def instance_profile(self, instance: Instance) -> tuple[str, str] | None:
        """ARN and id of the instance's profile."""
        answer = self._query("ec2", instance.region, "DescribeInstances", {"InstanceId.1": instance.id})
        arn = _text(answer, "iamInstanceProfile/arn")
        return (arn, _text(answer, "iamInstanceProfile/id")) if arn else None

    def role_credentials(self, instance: Instance, seconds: int) -> RoleCredentials:
        """Temporary credentials of the instance's role."""
        answer = self._query(
            "sts", instance.region, "AssumeRole",
            {"RoleArn": instance.role or "", "RoleSessionName": instance.id, "DurationSeconds": str(seconds)},
        )  # fmt: skip
        expiration = _text(answer, "Credentials/Expiration")
        try:
            ends = datetime.fromisoformat(expiration.replace("Z", "+00:00"))
        except ValueError as error:
            raise CloudError(f"AssumeRole gave no time of expiration: {expiration!r}") from error
        return RoleCredentials(
            _text(answer, "Credentials/AccessKeyId"),
            _text(answer, "Credentials/SecretAccessKey"),
            _text(answer, "Credentials/SessionToken"),
            ends,
        )

    def _control(self, method: str, path: str, body: dict[str, Any] | None, timeout: float) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Authorization": self._keys.bearer}
        answer = self._send(method, path, data, headers, timeout)
        try:
            found = json.loads(answer)
        except ValueError as error:
            raise CloudError(f"{method} {path}: the answer is not JSON") from error
        return found if isinstance(found, dict) else {}

    def _query(
        self, service: str, region: str, action: str, parameters: Mapping[str, str]
    ) -> ElementTree.Element:
        body = urllib.parse.urlencode(
            {"Action": action, "Version": _VERSIONS[service], **parameters}
        ).encode()
        named = {"host": urllib.parse.urlsplit(self.url).netloc, "content-type": _FORM}
        headers = signed_headers(
            "POST",
            "/",
            hashlib.sha256(body).hexdigest(),
            named,
            keys=self._keys,
            place=(region, service),
            now=datetime.now(timezone.utc),
        )
        answer = self._send("POST", "/", body, headers, _QUICK_SECONDS)
        try:
            return ElementTree.fromstring(answer)  # noqa: S314 - from our own process on loopback
        except ElementTree.ParseError as error:
            raise CloudError(f"{action}: the answer is not XML: {error}") from error

    def _send(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str], timeout: float
    ) -> bytes:
        request = urllib.request.Request(  # noqa: S310 - the cloud's own loopback address
            self.url + path, data=data, headers=dict(headers), method=method
        )
        try:
            with self._open(request, timeout=timeout) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            told = error.read(2000).decode(errors="replace")
            raise CloudError(f"{method} {path.partition('?')[0]}: {error.code} {told}") from error
        except (OSError, http.client.HTTPException) as error:
            raise CloudError(f"{method} {path.partition('?')[0]}: {error}") from error


def _text(answer: ElementTree.Element, path: str) -> str:
    """Text of the first element at `path`, in any XML namespace; empty when absent."""
    wanted = "/".join(f"{{*}}{part}" for part in path.split("/"))
    found = answer.find(f".//{wanted}")
    return (found.text or "") if found is not None else ""


def snapshot_of(told: Mapping[str, Any]) -> Snapshot:
    """Raise CloudError when the response violates the contract."""
    try:
        instances = tuple(_instance(entry) for entry in told["instances"])
        snapshots = {_plain_id(s): _plain_id(v) for s, v in dict(told.get("snapshots") or {}).items()}
        volumes = frozenset(str(volume) for volume in told["volumes"])
        return Snapshot(int(told["version"]), instances, volumes, snapshots)
    except (KeyError, TypeError, ValueError) as error:
        raise CloudError(f"the cloud's list of instances cannot be read: {error!r}") from error


def _plain_id(told: object) -> str:
    """An id that is a valid file name."""
    identifier = str(told)
    if not identifier.replace("-", "").isalnum():
        raise ValueError(f"not an id: {identifier!r}")
    return identifier


def _instance(told: Mapping[str, Any]) -> Instance:
    return Instance(
        id=_plain_id(told["id"]),
        region=str(told["region"]),
        zone=str(told["zone"]),
        type=str(told["type"]),
        state=str(told["state"]),
        boot=int(told["boot"]),
        market=str(told.get("market", "on-demand")),
        image=str(told.get("image") or ""),
        account=str(told.get("account") or ""),
        private_ip=str(told.get("private_ip") or ""),
        role=told.get("role") or None,
        tags=dict(told.get("tags") or {}),
        volumes=tuple(
            AttachedVolume(
                str(v["id"]),
                str(v["device"]),
                bool(v.get("root")),
                int(v.get("size_gb") or 0),
                _plain_id(v["snapshot"]) if v.get("snapshot") else None,
            )
            for v in told.get("volumes") or ()
        ),
        interruption=told.get("interruption") or None,
        rebalance=told.get("rebalance") or None,
        power=str(told.get("power") or "on"),
        launched_at=told.get("launched_at") or None,
    )

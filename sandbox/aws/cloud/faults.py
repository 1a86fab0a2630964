"""Injected faults: errors that the cloud returns on request."""

import threading
from dataclasses import dataclass, field
from typing import Any

from sandbox.aws.cloud.aws_error import AwsError
from sandbox.aws.cloud.lifecycle import Cause
from sandbox.aws.cloud.operations import AwsCall

_STATUS = {
    "InsufficientInstanceCapacity": 500,
    "InternalError": 500,
    "InternalFailure": 500,
    "RequestLimitExceeded": 503,
    "ServiceUnavailable": 503,
    "SlowDown": 503,
    "Unavailable": 503,
    "AccessDenied": 403,
    "UnauthorizedOperation": 403,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchEntity": 404,
    "EntityAlreadyExists": 409,
    "DeleteConflict": 409,
    "BucketNotEmpty": 409,
}
_MESSAGES = {
    "InsufficientInstanceCapacity": (
        "We currently do not have sufficient capacity in the Availability Zone you requested. "
        "Our system will be working on provisioning additional capacity."
    ),
    "RequestLimitExceeded": "Request limit exceeded.",
    "ThrottlingException": "Rate exceeded",
    "Throttling": "Rate exceeded",
    "SlowDown": "Please reduce your request rate.",
    "UnauthorizedOperation": "You are not authorized to perform this operation.",
    "AccessDenied": "Access Denied",
}


class BadFault(ValueError):
    """An invalid fault description; the message names what is missing."""


@dataclass
class Fault:
    """The next `times` calls of one operation that match `match` fail with `code`, once `after` others have
    been let through.

    With a state reason such as `Server.InsufficientInstanceCapacity` as its code, RunInstances succeeds and
    the instance ends for this reason before it runs.
    """

    service: str
    operation: str
    code: str
    times: int
    match: dict[str, str] = field(default_factory=dict)
    message: str = ""
    status: int = 0
    after: int = 0

    @classmethod
    def from_json(cls, wanted: Any) -> "Fault":
        if not isinstance(wanted, dict):
            raise BadFault("a fault is an object with service, operation, code, times and match")
        unknown = wanted.keys() - {
            "service",
            "operation",
            "code",
            "times",
            "match",
            "message",
            "status",
            "after",
        }
        if unknown:
            raise BadFault(f"unknown key {sorted(unknown)[0]!r}")
        try:
            service, operation, code = wanted["service"], wanted["operation"], wanted["code"]
        except KeyError as missing:
            raise BadFault(f"a fault needs {missing.args[0]!r}") from None
        times = wanted.get("times", 1)
        if not isinstance(times, int) or times < 1:
            raise BadFault(f"times is a number from 1, not {times!r}")
        after = wanted.get("after", 0)
        if not isinstance(after, int) or after < 0:
            raise BadFault(f"after is a number from 0, not {after!r}")
        match = {str(key): str(value) for key, value in (wanted.get("match") or {}).items()}
        return cls(
            str(service).lower(),
            str(operation),
            str(code),
            times,
            match,
            str(wanted.get("message") or _MESSAGES.get(str(code), f"{code} (injected)")),
            int(wanted.get("status") or _STATUS.get(str(code), 400)),
            after,
        )

    @property
    def error(self) -> AwsError:
        return AwsError(self.code, self.message, self.status)

    @property
    def ends_launch(self) -> Cause | None:
        """Why the launched instance ends, for a code that EC2 gives as an instance's state reason: the call
        itself succeeds. None for all other codes."""
        launches = (self.service, self.operation) == ("ec2", "RunInstances")
        return next((each for each in Cause if launches and each.code == self.code), None)

    def fits(self, call: AwsCall) -> bool:
        return (
            self.service == call.service
            and self.operation == call.operation
            and all(call.parameters.get(key) == value for key, value in self.match.items())
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "service": self.service,
            "operation": self.operation,
            "code": self.code,
            "times": self.times,
            "match": self.match,
            **({"after": self.after} if self.after else {}),
        }


class Faults:
    """The pending faults; the first that matches a call is used."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def __bool__(self) -> bool:
        return bool(self._faults)

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def as_json(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.as_json() for fault in self._faults]

    def take(self, call: AwsCall) -> Fault | None:
        """The fault for this call, with its count decremented; None when the call may proceed."""
        with self._lock:
            fault = next((fault for fault in self._faults if fault.fits(call)), None)
            if fault is not None and fault.after > 0:
                fault.after -= 1
                return None
            if fault is not None:
                fault.times -= 1
                if fault.times == 0:
                    self._faults.remove(fault)
            return fault

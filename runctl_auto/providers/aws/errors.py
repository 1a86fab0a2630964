"""Maps AWS errors to runctl's errors: the only module that knows the services' error codes.

Matches codes, never messages. The same table serves botocore's exceptions and the diagnostics of an engine's
provider, in which the code is found as a word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from runctl_auto.errors import (
    AccessDeniedError,
    CloudError,
    CredentialsError,
    DamagedDataError,
    NoCapacityError,
    NotFoundError,
    SubnetFullError,
    TakenBackError,
    ThrottledError,
    UnreachableError,
    UnsettledError,
)
from runctl_auto.local.printable import printable

NO_CAPACITY = frozenset(
    {
        "InsufficientInstanceCapacity",
        "InsufficientHostCapacity",
        "InsufficientReservedInstanceCapacity",
        "InsufficientCapacity",
        "InsufficientCapacityOnOutpost",
        "InstanceLimitExceeded",
        "MaxSpotInstanceCountExceeded",
        "SpotMaxPriceTooLow",
        "Unsupported",
        "UnfulfillableCapacity",
        "VcpuLimitExceeded",
    }
)
TAKEN_BACK = frozenset({"SpotInstanceShutdown", "SpotInstanceTermination"})
"""Reasons of the state of a spot machine that was interrupted, here while it was launched."""
SUBNET_FULL = frozenset({"InsufficientFreeAddressesInSubnet"})
ACCESS_DENIED = frozenset(
    {
        "403",  # the answer to a HEAD request has no body
        "AccessDenied",
        "AccessDeniedException",
        "AllAccessDisabled",
        "AuthFailure",
        "Forbidden",
        "OptInRequired",
        "PendingVerification",
        "UnauthorizedOperation",
        "UnauthorizedAccess",
    }
)
CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "MissingAuthenticationToken",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)
DAMAGED = frozenset({"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch"})
"""The service received other bytes than those that the checksum is of."""
PASSING = frozenset(
    {
        "500",
        "502",
        "503",
        "504",
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "OperationAborted",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServerInternal",
        "ServiceUnavailable",
        "Unavailable",
    }
)
UNSETTLED = frozenset(
    {
        "IncorrectState",
        "InvalidSpotInstanceRequestID.NotFound",
        "VolumeInUse",
    }
)
"""Codes that a change meets while the account is about to change state. A single call that reads or deletes
has its own use for them.
"""
_REQUEST_NOT_SEEN = re.compile(
    r"reading EC2 Spot Instance Request \(sir-\w+\): (couldn't find resource|empty result)"
)
"""The official provider's sentence for a spot request that is not visible yet, which has no code (its
ec2_instance.go).
"""
_NOT_FOUND = re.compile(r"^(404|NoSuch\w+|\w+\.NotFound|\w+NotFound(Exception|Fault)?)$")
_CREDENTIAL_CLASSES = frozenset(
    {
        "CredentialRetrievalError",
        "NoCredentialsError",
        "PartialCredentialsError",
        "ProfileNotFound",
        "SSOError",
        "SSOTokenLoadError",
        "TokenRetrievalError",
        "UnauthorizedSSOTokenError",
    }
)
_NETWORK_CLASSES = frozenset(
    {
        "ConnectionClosedError",
        "ConnectionError",
        "ConnectTimeoutError",
        "EndpointConnectionError",
        "HTTPClientError",
        "IncompleteReadError",
        "ProxyConnectionError",
        "ReadTimeoutError",
        "ResponseStreamingError",
        "SSLError",
    }
)
_FAULT_PREFIXES = ("Server.", "Client.")
"""Prefixes that state whose fault an error is, in EC2's state reasons and in its older error codes."""
_DENIED_FAMILY = "AuthFailure."
_CODE_IN_TEXT = re.compile(
    r"\b(?:api error|Error code|Code):?\s+([A-Za-z][\w.]+)|\((?P<paren>[A-Za-z][\w.]+)\)"
)


def error_code(error: BaseException) -> str | None:
    """The service's own code of a botocore ``ClientError``, also of one raised by a waiter; else None."""
    code = _response(error).get("Error", {}).get("Code")
    return str(code) if code else None


def _response(error: BaseException) -> Mapping[str, Any]:
    """The service's response; empty if there was none."""
    response = getattr(error, "response", None) or getattr(error, "last_response", None)
    return response if isinstance(response, Mapping) else {}


def passes(error: BaseException) -> bool:
    """Whether the error is transient, so that a retry may succeed. False for unknown errors."""
    if isinstance(error, (ThrottledError, UnreachableError)):
        return True
    told = error_code(error)
    if told is None:
        return type(error).__name__ in _NETWORK_CLASSES
    code = _bare(told)
    return code in THROTTLED or code in PASSING or _server_fault(error)


def _server_fault(error: BaseException) -> bool:
    status = _response(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return isinstance(status, int) and status >= 500


def _bare(code: str) -> str:
    """The code without the prefix that states whose fault it is."""
    for prefix in _FAULT_PREFIXES:
        if code.startswith(prefix) and code != prefix:
            return code.removeprefix(prefix)
    return code


def class_of_code(code: str) -> type[CloudError]:
    """The error class that states how to react to this code; ``CloudError`` for an unknown one."""
    code = _bare(code)
    if code.startswith(_DENIED_FAMILY):
        return AccessDeniedError
    table: tuple[tuple[frozenset[str], type[CloudError]], ...] = (
        (NO_CAPACITY, NoCapacityError),
        (TAKEN_BACK, TakenBackError),
        (SUBNET_FULL, SubnetFullError),
        (ACCESS_DENIED, AccessDeniedError),
        (CREDENTIALS, CredentialsError),
        (THROTTLED, ThrottledError),
        (DAMAGED, DamagedDataError),
    )
    for codes, error_class in table:
        if code in codes:
            return error_class
    return NotFoundError if _NOT_FOUND.match(code) else CloudError


def class_of_failed_change(code: str) -> type[CloudError]:
    """As ``class_of_code``, for the code with which a change of several calls failed."""
    return UnsettledError if _bare(code) in UNSETTLED else class_of_code(code)


_NEXT_STEPS: dict[type[CloudError], str] = {
    AccessDeniedError: "Give the caller this permission, or use other credentials (AWS_PROFILE).",
    DamagedDataError: "Repeat the command. If it stays so, something on the way to S3 changes the data.",
    CredentialsError: "Set up credentials: `aws configure`, `aws sso login`, AWS_PROFILE, or use --sandbox.",
    NoCapacityError: "Name more instance types or zones, raise max_price, or set spot_policy: on-demand.",
    TakenBackError: "Name more instance types or zones, or set spot_policy: auto.",
    SubnetFullError: "Name another subnet or zone, or free addresses of the subnet.",
    ThrottledError: "Wait a minute and repeat the command; it continues where it was.",
    UnreachableError: "Check the network, the region and AWS_ENDPOINT_URL.",
    UnsettledError: "Repeat the command in a minute; it continues where it was.",
}


def next_step_for(error_class: type[CloudError]) -> str | None:
    """The suggested next step for an error of this class."""
    return _NEXT_STEPS.get(error_class)


def translate(error: BaseException, what: str, where: Mapping[str, str] | None = None) -> CloudError:
    """The typed error for an exception from a call; the caller chains it (``raise translate(...) from
    error``).

    ``what`` names the attempted call, for example ``ec2 describe_instances``.
    """
    if isinstance(error, CloudError):
        return error
    code = error_code(error)
    if code is None:
        error_class = _class_without_code(error)
        sentence = f"{what} failed: {printable(str(error))}"
    else:
        error_class = class_of_code(code)
        message = _response(error).get("Error", {}).get("Message") or "no message"
        sentence = f"{what} failed with {printable(code)}: {printable(str(message))}"
    return error_class(sentence, code=code, where=where, next_step=next_step_for(error_class))


def _class_without_code(error: BaseException) -> type[CloudError]:
    name = type(error).__name__
    if name in _CREDENTIAL_CLASSES:
        return CredentialsError
    return UnreachableError if name in _NETWORK_CLASSES else CloudError


def code_in_text(text: str) -> str | None:
    """The first known AWS error code in a provider's diagnostic, else the code that its wording marks."""
    for word in re.findall(r"[A-Za-z][\w.]*", text):
        code = _bare(word.rstrip("."))
        if code.startswith(_DENIED_FAMILY):
            return str(code)
        if code in NO_CAPACITY - {"Unsupported"} or code in ACCESS_DENIED - {"Forbidden"}:
            return str(code)
        if code in CREDENTIALS or code in THROTTLED or code in SUBNET_FULL | TAKEN_BACK:
            return str(code)
    if _REQUEST_NOT_SEEN.search(text):
        return "InvalidSpotInstanceRequestID.NotFound"
    marked = _CODE_IN_TEXT.search(text)
    if marked is None:
        return None
    return marked.group(1) or marked.group("paren")

"""moto lets a bucket policy with a Condition deny everything, whatever the condition is.

Here a statement applies when its conditions hold, with S3's operators; a key that a request lacks is missing,
as on AWS, and requests count as made over TLS. A denied call returns S3's error instead of an empty response.
Statements for specific principals are not evaluated: the emulator does not authenticate callers.
"""

import json
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from moto.iam.access_control import PermissionResult
from moto.s3.exceptions import BucketAccessDeniedError, S3ClientError
from moto.s3.models import FakeBucket, S3Backend
from moto.s3.responses import S3Response

from sandbox.aws.corrections.patches import Emulation, Patches

_FORBIDDEN = 403

Matcher = Callable[[str, str], bool]

_MATCHERS: dict[str, Matcher] = {
    "Bool": lambda value, wanted: value.lower() == wanted.lower(),
    "StringEquals": lambda value, wanted: value == wanted,
    "StringEqualsIgnoreCase": lambda value, wanted: value.lower() == wanted.lower(),
    "StringLike": fnmatchcase,
    "ArnEquals": fnmatchcase,
    "ArnLike": fnmatchcase,
    "NumericEquals": lambda value, wanted: float(value) == float(wanted),
    "NumericLessThan": lambda value, wanted: float(value) < float(wanted),
    "NumericLessThanEquals": lambda value, wanted: float(value) <= float(wanted),
    "NumericGreaterThan": lambda value, wanted: float(value) > float(wanted),
    "NumericGreaterThanEquals": lambda value, wanted: float(value) >= float(wanted),
}
_NEGATIONS = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
}


class UnknownOperator(ValueError):
    """A condition operator that the emulator does not evaluate."""


def conditions_hold(conditions: dict[str, Any], context: dict[str, str]) -> bool:
    """Whether all conditions hold for a request with these keys (lower case) and values."""
    return all(
        _holds(operator, context.get(key.lower()), _listed(wanted))
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _holds(operator: str, value: str | None, wanted: list[str]) -> bool:
    if operator == "Null":
        return (value is None) == (wanted[0].lower() == "true")
    base = operator.removesuffix("IfExists")
    positive = _NEGATIONS.get(base, base)
    matches = _MATCHERS.get(positive)
    if matches is None:
        raise UnknownOperator(operator)
    if value is None:
        return operator != base or base != positive
    found = any(matches(value, one) for one in wanted)
    return found == (base == positive)


def _listed(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in values]


def evaluate(policy: dict[str, Any], action: str, resource: str, context: dict[str, str]) -> Any:
    """moto's PermissionResult for a whole policy."""
    result = PermissionResult.NEUTRAL
    statements = policy["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        if not _concerns(statement, action, resource) or not conditions_hold(
            statement.get("Condition") or {}, context
        ):
            continue
        if statement["Effect"] == "Deny":
            return PermissionResult.DENIED
        result = PermissionResult.PERMITTED
    return result


def _concerns(statement: dict[str, Any], action: str, resource: str) -> bool:
    return (
        _for_everyone(statement.get("Principal"))
        and _named(statement, "Action", action.lower(), str.lower)
        and _named(statement, "Resource", resource, str)
    )


def _for_everyone(principal: Any) -> bool:
    if isinstance(principal, dict):
        return "*" in _listed(principal.get("AWS", []))
    return bool(principal == "*")


def _named(statement: dict[str, Any], element: str, value: str, normal: Callable[[str], str]) -> bool:
    if f"Not{element}" in statement:
        patterns = _listed(statement[f"Not{element}"])
        return not any(fnmatchcase(value, normal(pattern)) for pattern in patterns)
    return any(fnmatchcase(value, normal(pattern)) for pattern in _listed(statement.get(element, [])))


def apply(patches: Patches, emulation: Emulation) -> None:  # noqa: ARG001
    def get_permission(self: Any, action: str, resource: str) -> Any:
        if self.policy is None:
            return PermissionResult.NEUTRAL
        return evaluate(json.loads(self.policy), action, resource, _context(self))

    def make(put: Any) -> Any:
        def checked(self: Any, bucket_name: str, policy: bytes) -> None:
            _refuse_unknown_operators(policy)
            put(self, bucket_name, policy)

        return checked

    def make_response(respond: Any) -> Any:
        def told(self: Any, request: Any, full_url: str) -> Any:
            answer = respond(self, request, full_url)
            if isinstance(answer, tuple) and answer[0] == _FORBIDDEN and not answer[2]:
                raise BucketAccessDeniedError(bucket=self.parse_bucket_name_from_url(request, full_url))
            return answer

        return told

    patches.wrap(S3Response, "_key_response", make_response)
    patches.replace(FakeBucket, "get_permission", get_permission)
    patches.wrap(S3Backend, "put_bucket_policy", make)


def _context(bucket: Any) -> dict[str, str]:
    return {
        "aws:securetransport": "true",
        "aws:principalaccount": bucket.account_id,
        "aws:resourceaccount": bucket.account_id,
        "s3:resourceaccount": bucket.account_id,
        "s3:tlsversion": "1.3",
    }


def _refuse_unknown_operators(policy: bytes) -> None:
    try:
        evaluate({"Statement": _all_applying(json.loads(policy))}, "", "", {})
    except UnknownOperator as error:
        raise S3ClientError(
            "NotImplemented",
            f"The sandbox does not evaluate the condition operator {error} of a bucket policy.",
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise S3ClientError("MalformedPolicy", "Policies must be valid JSON of statements.") from error


def _all_applying(policy: dict[str, Any]) -> list[dict[str, Any]]:
    """The policy's statements, widened so that the conditions of each are evaluated."""
    statements = policy["Statement"]
    wide = {"Principal": "*", "NotAction": [], "NotResource": [], "Effect": "Allow"}
    return [
        {**wide, "Condition": statement.get("Condition")}
        for statement in (statements if isinstance(statements, list) else [statements])
    ]

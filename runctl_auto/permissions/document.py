"""IAM policies from the grants: least privilege for each role of runctl's users."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from runctl_auto.providers.aws.permissions.actions import actions_of
from runctl_auto.providers.aws.permissions.grant import REACH, ROLES, SEPARATE, Grant, Role
from runctl_auto.providers.aws.permissions.grants import GRANTS

RECORDING_CALLS = ("logs:CreateLogStream", "logs:PutLogEvents")
"""What recording a session in a log group calls."""
_DOMAINS = {"aws-cn": "amazonaws.com.cn"}


@dataclass(frozen=True)
class Place:
    """The scope of the permissions: one region of one account.

    ``image_parameters`` are the parameters of the account that jobs name as their image (``/path/name``);
    ``session_log_group`` and ``session_log_bucket`` where the settings have sessions recorded
    (``sessions.log_group``; ``sessions.log_bucket``, with a prefix or without); ``container_repositories``
    are those of AWS's registry whose images jobs name.
    """

    account: str
    region: str
    partition: str = "aws"
    image_parameters: tuple[str, ...] = ()
    session_log_group: str | None = None
    session_log_bucket: str | None = None
    container_repositories: tuple[str, ...] = ()


def grants_of(role: Role) -> tuple[Grant, ...]:
    """All grants of ``role``, including those of the roles before it, unless it stands by itself."""
    if role in SEPARATE:
        return tuple(grant for grant in GRANTS if grant.role == role)
    allowed = ROLES[: ROLES.index(role) + 1]
    return tuple(grant for grant in GRANTS if grant.role in allowed)


def calls_of(role: Role, *, seen: bool | None = None) -> frozenset[str]:
    """The calls of ``role``, as ``service:Operation``. ``seen``: only those of grants with this value."""
    return frozenset(
        call for grant in grants_of(role) if seen is None or grant.seen is seen for call in grant.calls
    )


def policy_document(role: Role, place: Place) -> dict[str, object]:
    """The policy of ``role``, ready for IAM. Actions and statements are in a stable order.

    Grants on the same resources under the same conditions are one statement, named after the largest of them:
    IAM limits the length of a role's policies.
    """
    together: dict[tuple[object, ...], list[Grant]] = {}
    recording = _recording_grants(place) if role == REACH else ()
    for grant in (*grants_of(role), *_image_grants(place), *recording):
        conditions = tuple((name, tuple(values.items())) for name, values in grant.conditions.items())
        together.setdefault((grant.resources, conditions), []).append(grant)
    return {"Version": "2012-10-17", "Statement": [_statement(each, place) for each in together.values()]}


def _recording_grants(place: Place) -> Iterable[Grant]:
    """Permission to record who reaches a machine, in the place that the settings name."""
    if place.session_log_group is not None:
        group = f"arn:{{partition}}:logs:{{region}}:{{account}}:log-group:{place.session_log_group}"
        yield Grant("RecordSessions", REACH, RECORDING_CALLS, (f"{group}:*",), seen=False)
    if place.session_log_bucket is not None:
        arn = f"arn:{{partition}}:s3:::{place.session_log_bucket.strip('/')}/*"
        yield Grant("RecordSessionsInBucket", REACH, ("s3:PutObject",), (arn,), seen=False)


def _image_grants(place: Place) -> Iterable[Grant]:
    """Permission to read the parameters that name images; without it, only AWS's public ones may be read."""
    if place.image_parameters:
        parameter = "arn:{partition}:ssm:{region}:{account}:parameter/"
        arns = tuple(parameter + name.lstrip("/") for name in place.image_parameters)
        yield Grant("ReadImageParameters", "plan", ("ssm:GetParameter",), arns)
    if place.container_repositories:
        repository = "arn:{partition}:ecr:{region}:{account}:repository/"
        arns = tuple(repository + name for name in place.container_repositories)
        yield Grant("LookUpContainerImages", "plan", ("ecr:BatchGetImage",), arns, seen=False)


def _statement(grants: Sequence[Grant], place: Place) -> dict[str, object]:
    """One statement for grants on the same resources."""
    grant = max(grants, key=lambda each: len(set(_actions(each))))
    statement: dict[str, object] = {
        "Sid": grant.sid,
        "Effect": "Allow",
        "Action": sorted({action for each in grants for action in _actions(each)}),
        "Resource": [_filled(resource, place) for resource in grant.resources],
    }
    if grant.conditions:
        statement["Condition"] = {
            operator: {key: _in_partition(value, place) for key, value in values.items()}
            for operator, values in grant.conditions.items()
        }
    return statement


def _actions(grant: Grant) -> Iterable[str]:
    if grant.actions is not None:
        return grant.actions
    return (action for call in grant.calls for action in actions_of(call))


def _filled(resource: str, place: Place) -> str:
    return resource.format(partition=place.partition, region=place.region, account=place.account)


def _in_partition(value: str | tuple[str, ...], place: Place) -> str | list[str]:
    if isinstance(value, tuple):
        return list(value)
    domain = _DOMAINS.get(place.partition)
    return value.replace("amazonaws.com", domain) if domain and value == "ec2.amazonaws.com" else value

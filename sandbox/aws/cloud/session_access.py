"""What the credentials of a role or user may do in the emulated cloud: what its policies allow.

Objects, buckets, parameters, Auto Scaling groups, and the volumes and instances of attachments are judged by
their ARN and their tags, so that a job's host reaches nothing of another job. Other calls are judged by their
action alone. A call whose action cannot be told for certain is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote
from xml.etree import ElementTree

from sandbox.aws.cloud.aws_error import AwsError
from sandbox.aws.cloud.operations import JSON_SERVICES, AwsCall
from sandbox.aws.cloud.role_access import Context, allows_action, permits
from sandbox.aws.cloud.roles import RoleSession, documents_of, session_of
from sandbox.aws.cloud.tagged_resources import Tagged, TaggedResources

if TYPE_CHECKING:
    from sandbox.aws.cloud.guard import SessionRequest

_ALWAYS_ALLOWED = frozenset({"sts:GetCallerIdentity"})
_ACTION_PREFIXES = {"tagging": "tag"}
"""Prefixes of actions in policies that differ from the service's name in signatures."""
_DENIED_CODES = {
    "ec2": "UnauthorizedOperation",
    "ssm": "AccessDeniedException",
    "logs": "AccessDeniedException",
}

_S3_OBJECT_ACTIONS = {
    "HeadObject": "GetObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "ListParts": "ListMultipartUploadParts",
}
_S3_BUCKET_ACTIONS = {
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListBuckets": "ListAllMyBuckets",
}
_S3_VERSIONED = frozenset({"GetObject", "DeleteObject"})
_PARAMETER_NAMES = re.compile(r"Names?(\.\d+)?|Path")
_GROUP_NAME = re.compile(r"AutoScalingGroupName|Tags\.member\.\d+\.ResourceId")
_TAG_KEY = re.compile(r"Tags\.member\.\d+\.Key")
_PUBLIC_PARAMETERS = "/aws/service/"


@dataclass(frozen=True)
class _Need:
    """An action that a call needs, the ARN it is needed on, and the condition keys of the request."""

    action: str
    resource: str
    context: Context = field(default_factory=dict)


class SessionAccess:
    """Reads moto's roles and sessions, with the lock of its tables held."""

    def __init__(self, lock: AbstractContextManager[Any], resources: TaggedResources) -> None:
        self._lock = lock
        self._resources = resources

    def find(self, access_key: str) -> RoleSession | None:
        """The session with this access key, or None."""
        with self._lock:
            return session_of(access_key)

    def refusal(self, session: RoleSession, call: AwsCall, request: SessionRequest) -> AwsError | None:
        """Why the session may not make the call; None when it may."""
        with self._lock:
            return refusal_of(documents_of(session), session, call, request, self._resources)


def refusal_of(
    documents: list[Any],
    session: RoleSession,
    call: AwsCall,
    request: SessionRequest,
    resources: TaggedResources,
) -> AwsError | None:
    """Why a role with these policies may not make the call; None when it may."""
    if not call.operation or not _is_unambiguous(call, request):
        return AwsError("AccessDenied", "A role may not make a call of this form in the sandbox.", 403)
    if call.name in _ALWAYS_ALLOWED:
        return None
    needs = list(_needs(session, call, request, resources))
    if not needs:
        action = f"{_ACTION_PREFIXES.get(call.service, call.service)}:{call.operation}"
        return None if allows_action(documents, action) else _denied(session, call, action, "*")
    for need in needs:
        if not permits(documents, need.action, need.resource, need.context):
            return _denied(session, call, need.action, need.resource)
    return None


def _needs(
    session: RoleSession, call: AwsCall, request: SessionRequest, resources: TaggedResources
) -> Iterator[_Need]:
    """What the call needs on which resources; empty for calls that are judged by their action."""
    if call.service == "s3":
        yield from _of_s3(session, call, request)
    elif call.service == "ssm":
        yield from _of_ssm(session, call, request)
    elif call.service == "autoscaling":
        yield from _of_groups(session, call, request, resources)
    elif call.name in ("ec2:AttachVolume", "ec2:DetachVolume"):
        for kind, parameter in (("volume", "VolumeId"), ("instance", "InstanceId")):
            identity = call.parameters.get(parameter, "")
            yield _on(call.name, resources.in_ec2(session.account, request.region, kind, identity))


def _of_groups(
    session: RoleSession, call: AwsCall, request: SessionRequest, resources: TaggedResources
) -> Iterator[_Need]:
    """Needs of calls that name groups, themselves or in their tags; lists need their action alone."""
    if call.operation.startswith("Describe"):
        return
    parameters = call.parameters
    named = {value for name, value in parameters.items() if _GROUP_NAME.fullmatch(name)}
    if call.operation == "TerminateInstanceInAutoScalingGroup":
        named |= {resources.group_of(session.account, request.region, parameters.get("InstanceId", ""))}
    tagged = tuple(value for name, value in parameters.items() if _TAG_KEY.fullmatch(name))
    context = {"aws:TagKeys": tagged} if tagged else {}
    for name in sorted(named) or [""]:
        need = _on(call.name, resources.group(session.account, request.region, name))
        yield _Need(need.action, need.resource, {**need.context, **context})


def _on(action: str, resource: Tagged) -> _Need:
    service = action.partition(":")[0]
    context = {
        f"{prefix}:ResourceTag/{key}": value
        for key, value in resource.tags.items()
        for prefix in ("aws", service)
    }
    return _Need(action, resource.arn, context)


def _is_unambiguous(call: AwsCall, request: SessionRequest) -> bool:
    """Whether the emulator reads the same call. It looks for the action and its parameters in several places:
    query, form, a form within JSON, headers."""
    target, encoding = request.headers("x-amz-target"), request.headers("content-encoding")
    if call.service != request.service or request.headers("action"):
        return False
    if call.service == "s3":
        return not target and (call.operation != "DeleteObjects" or not encoding)
    if encoding or (call.service != "scheduler" and request.query):
        return False
    is_form = request.headers("content-type").startswith("application/x-www-form-urlencoded")
    if not call.is_json:
        return is_form and [name for name, _ in _form(request.body)].count("Action") == 1
    return not is_form and b"&" not in request.body and _is_unambiguous_json(call, request, target)


def _is_unambiguous_json(call: AwsCall, request: SessionRequest, target: str) -> bool:
    if call.service == "scheduler":
        return not target and "Action" not in dict(_form(request.query.encode()))
    return JSON_SERVICES.get(target.partition(".")[0]) == call.service and _is_object(request.body)


def _form(text: bytes) -> list[tuple[str, str]]:
    return parse_qsl(text.decode("utf-8", "replace"), keep_blank_values=True)


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except ValueError:
        return False


def _of_s3(session: RoleSession, call: AwsCall, request: SessionRequest) -> Iterator[_Need]:
    bucket, key = call.parameters.get("Bucket", ""), call.parameters.get("Key", "")
    bucket_arn = f"arn:{session.partition}:s3:::{bucket}"
    if call.operation == "DeleteObjects":
        yield from _of_deletion(bucket_arn, request.body)
        return
    if not key:
        context = {"s3:prefix": call.parameters.get("prefix", "")}
        action = _S3_BUCKET_ACTIONS.get(call.operation, call.operation)
        yield _Need(f"s3:{action}", bucket_arn if bucket else "*", context)
        return
    action = _S3_OBJECT_ACTIONS.get(call.operation, call.operation)
    if action in _S3_VERSIONED and "versionId" in call.parameters:
        action += "Version"
    yield _Need(f"s3:{action}", f"{bucket_arn}/{key}")
    source = unquote(request.headers("x-amz-copy-source")).lstrip("/")
    if source:
        path, _, version = source.partition("?")
        action = "s3:GetObjectVersion" if version else "s3:GetObject"
        yield _Need(action, f"arn:{session.partition}:s3:::{path}")


def _of_ssm(session: RoleSession, call: AwsCall, request: SessionRequest) -> Iterator[_Need]:
    action = f"ssm:{call.operation}"
    names = [value for name, value in call.parameters.items() if _PARAMETER_NAMES.fullmatch(name)]
    for name in names:
        # AWS's own parameters are in no account.
        account = "" if name.startswith(_PUBLIC_PARAMETERS) else session.account
        place = f"arn:{session.partition}:ssm:{request.region}:{account}:parameter"
        yield _Need(action, name if name.startswith("arn:") else f"{place}/{name.strip('/')}")
    if not names:
        yield _Need(action, "*")


def _of_deletion(bucket_arn: str, body: bytes) -> Iterator[_Need]:
    """Needs of DeleteObjects; a body without keys needs what no policy allows."""
    try:
        listed = ElementTree.fromstring(body)  # noqa: S314 - expat bounds the growth of entities
    except ElementTree.ParseError:
        yield _Need("s3:DeleteObject", "")
        return
    names = [each for each in listed.iter() if _local(each) == "Key"]
    versions = any(_local(each) == "VersionId" for each in listed.iter())
    for name in names:
        yield _Need("s3:DeleteObjectVersion" if versions else "s3:DeleteObject", f"{bucket_arn}/{name.text}")
    if not names:
        yield _Need("s3:DeleteObject", "")


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2].rpartition(":")[2]


def _denied(session: RoleSession, call: AwsCall, action: str, resource: str) -> AwsError:
    who = f"{session.role_arn} (session {session.name})"
    message = f"{who} is not authorized to perform: {action} on resource: {resource}"
    return AwsError(_DENIED_CODES.get(call.service, "AccessDenied"), message, 403)

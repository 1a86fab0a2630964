"""The AWS operation and parameters of an HTTP request.

Parses only what faults and the change counter need: service, operation, and flat parameters.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote

_SCOPE = re.compile(r"Credential=[^/]+/[^/]+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
_TOLD_OTHERWISE = ("CopyObject", "UploadPartCopy")
JSON_SERVICES = {
    "AmazonEC2ContainerRegistry_V20150921": "ecr",
    "AmazonSSM": "ssm",
    "AWSPriceListService": "pricing",
    "Logs_20140328": "logs",
    "MessageGateway": "ssmmessages",
    "ResourceGroupsTaggingAPI_20170126": "tagging",
    "ServiceQuotasV20190624": "servicequotas",
}
"""Services by the first word of the header X-Amz-Target."""

_SCHEDULER_CALLS = {
    ("POST", "schedules", True): "CreateSchedule",
    ("GET", "schedules", True): "GetSchedule",
    ("PUT", "schedules", True): "UpdateSchedule",
    ("DELETE", "schedules", True): "DeleteSchedule",
    ("GET", "schedules", False): "ListSchedules",
    ("POST", "schedule-groups", True): "CreateScheduleGroup",
    ("GET", "schedule-groups", True): "GetScheduleGroup",
    ("DELETE", "schedule-groups", True): "DeleteScheduleGroup",
    ("GET", "schedule-groups", False): "ListScheduleGroups",
    ("GET", "tags", True): "ListTagsForResource",
    ("POST", "tags", True): "TagResource",
    ("DELETE", "tags", True): "UntagResource",
}
"""Method, first path segment, and whether more segments follow."""

_EXPERIMENT_CALLS = {
    ("POST", "experimentTemplates", False): "CreateExperimentTemplate",
    ("GET", "experimentTemplates", False): "ListExperimentTemplates",
    ("DELETE", "experimentTemplates", True): "DeleteExperimentTemplate",
    ("POST", "experiments", False): "StartExperiment",
    ("GET", "experiments", True): "GetExperiment",
    ("DELETE", "experiments", True): "StopExperiment",
}
"""Likewise, of the fault injection service."""


@dataclass(frozen=True)
class AwsCall:
    """One request to an AWS service."""

    service: str
    operation: str
    parameters: dict[str, str] = field(default_factory=dict)
    is_json: bool = False

    @property
    def name(self) -> str:
        return f"{self.service}:{self.operation}"

    @property
    def changes_something(self) -> bool:
        return not self.operation.startswith(("Describe", "Get", "List", "Head"))


def read_call(environ: dict[str, Any], body: bytes) -> AwsCall:
    """The call in a WSGI request with body `body`; service and operation are '' when unknown."""
    service = _service(environ)
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        prefix, _, operation = target.partition(".")
        known = JSON_SERVICES.get(prefix, service)
        return AwsCall(known, operation, dict(_flat(_json(body))), is_json=True)
    if service == "s3":
        return _s3_call(environ)
    if service == "scheduler":
        return _scheduler_call(environ, body)
    if service == "fis":
        return _experiment_call(environ, body)
    form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    return AwsCall(service, form.pop("Action", ""), form)


def _scheduler_call(environ: dict[str, Any], body: bytes) -> AwsCall:
    """A call of EventBridge Scheduler, identified by method and path."""
    kind, _, name = unquote(environ.get("PATH_INFO", "")).strip("/").partition("/")
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    parameters = {"Name": name, **query, **dict(_flat(_json(body)))}
    operation = _SCHEDULER_CALLS.get((environ["REQUEST_METHOD"], kind, bool(name)), "")
    return AwsCall("scheduler", operation, parameters, is_json=True)


def _experiment_call(environ: dict[str, Any], body: bytes) -> AwsCall:
    """A call of the fault injection service, identified by method and path."""
    kind, _, identity = unquote(environ.get("PATH_INFO", "")).strip("/").partition("/")
    operation = _EXPERIMENT_CALLS.get((environ["REQUEST_METHOD"], kind, bool(identity)), "")
    return AwsCall("fis", operation, {"Id": identity, **dict(_flat(_json(body)))}, is_json=True)


def _service(environ: dict[str, Any]) -> str:
    scope = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    return scope["service"].lower() if scope else "s3"


def _json(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError:
        return {}


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for number, item in enumerate(value, 1):
            yield from _flat(item, f"{path}.{number}")
    else:
        yield path, str(value)


@dataclass(frozen=True)
class _Route:
    operation: str
    needs_key: bool
    query: frozenset[str]
    fixed: dict[str, str]


def _s3_call(environ: dict[str, Any]) -> AwsCall:
    bucket, _, key = unquote(environ.get("PATH_INFO", "")).lstrip("/").partition("/")
    query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    parameters = {"Bucket": bucket, "Key": key, **query}
    if not bucket:
        return AwsCall("s3", "ListBuckets", parameters)
    if environ["REQUEST_METHOD"] == "PUT" and "HTTP_X_AMZ_COPY_SOURCE" in environ:
        operation = "UploadPartCopy" if "partNumber" in query else "CopyObject"
        return AwsCall("s3", operation, parameters)
    for route in _s3_routes().get(environ["REQUEST_METHOD"], ()):
        if (
            route.needs_key == bool(key)
            and route.query <= query.keys()
            and all(query.get(name) == value for name, value in route.fixed.items())
        ):
            return AwsCall("s3", route.operation, parameters)
    return AwsCall("s3", "", parameters)


@lru_cache(maxsize=1)
def _s3_routes() -> dict[str, list[_Route]]:
    """S3's operations by method, those that require the most query parameters first."""
    from botocore.loaders import Loader

    operations = Loader().load_service_model("s3", "service-2")["operations"]
    shapes = Loader().load_service_model("s3", "service-2")["shapes"]
    routes: dict[str, list[_Route]] = {}
    for name, operation in operations.items():
        path, _, query = operation["http"]["requestUri"].partition("?")
        if operation.get("deprecated") or name in _TOLD_OTHERWISE or "{Bucket}" not in path:
            continue
        pairs = dict(parse_qsl(query, keep_blank_values=True))
        pairs.pop("x-id", None)
        required = _required_query(shapes, operation)
        fixed = {key: value for key, value in pairs.items() if value}
        route = _Route(name, "{Key" in path, frozenset(pairs) | required, fixed)
        routes.setdefault(operation["http"]["method"], []).append(route)
    for method, found in routes.items():
        routes[method] = sorted(found, key=lambda route: -len(route.query) - len(route.fixed))
    return routes


def _required_query(shapes: dict[str, Any], operation: dict[str, Any]) -> frozenset[str]:
    if "input" not in operation:
        return frozenset()
    shape = shapes[operation["input"]["shape"]]
    members = (shape["members"][name] for name in shape.get("required", []))
    return frozenset(m["locationName"] for m in members if m.get("location") == "querystring")

"""Launches of groups: calls of RunInstances to the cloud itself, with its faults, checks and effects."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, Protocol
from urllib.parse import urlencode

from sandbox.aws.cloud.scaling.groups import Activity, Member
from sandbox.aws.cloud.scaling.keeper import Launch, LaunchRefused
from sandbox.aws.cloud.scaling.pools import Pool

CALLER = "autoscaling.amazonaws.com"
"""User-Agent of the calls, as AWS's own logs name this caller."""
_OPERATION = "RunInstances"

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Requests(Protocol):
    """The parameters of a launch; called with the lock held."""

    def request(self, launch: Launch, place: Pool) -> dict[str, Any]: ...


class Launching:
    """Runs one launch in one place. Blocks; takes the lock itself and must be called without it."""

    def __init__(
        self,
        application: Application,
        requests: Requests,
        lock: AbstractContextManager[Any],
        clock: Callable[[], float],
    ) -> None:
        self._application = application
        self._requests = requests
        self._lock = lock
        self._clock = clock
        self._model: Any = None
        self._once = threading.Lock()

    def __call__(self, launch: Launch, place: Pool) -> Member:
        """The new machine. Raises LaunchRefused."""
        with self._lock:
            asked = self._requests.request(launch, place)
        answer = self._call(launch.group.region, asked)
        error = answer.get("Error")
        if error:
            raise LaunchRefused(str(error.get("Code")), str(error.get("Message")))
        (made,) = answer["Instances"]
        return Member(
            id=made["InstanceId"],
            instance_type=made["InstanceType"],
            zone=made["Placement"]["AvailabilityZone"],
            image=made["ImageId"],
            template=_named(asked["LaunchTemplate"]),
            activity=Activity("", "", self._clock(), {}),
            is_protected=bool(launch.group.settings.get("NewInstancesProtectedFromScaleIn")),
        )

    def _call(self, region: str, asked: dict[str, Any]) -> dict[str, Any]:
        from botocore.parsers import create_parser
        from botocore.serialize import create_serializer
        from werkzeug.test import create_environ

        model = self._operation()
        body = urlencode(create_serializer("ec2").serialize_to_request(asked, model)["body"]).encode()
        environ = {
            **create_environ("/", "http://127.0.0.1", method="POST"),
            "wsgi.input": io.BytesIO(body),
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": "application/x-www-form-urlencoded; charset=utf-8",
            "HTTP_USER_AGENT": CALLER,
            "HTTP_AUTHORIZATION": (
                f"AWS4-HMAC-SHA256 Credential=sandbox/20260101/{region}/ec2/aws4_request, Signature=0"
            ),
        }
        statuses: list[str] = []
        text = b"".join(self._application(environ, lambda status, *_: statuses.append(status)))
        response = {"body": text, "headers": {}, "status_code": int(statuses[0].split()[0])}
        parsed: dict[str, Any] = create_parser("ec2").parse(response, model.output_shape)
        return parsed

    def _operation(self) -> Any:
        from botocore.loaders import Loader
        from botocore.model import ServiceModel

        with self._once:
            if self._model is None:
                described = Loader().load_service_model("ec2", "service-2")
                self._model = ServiceModel(described, "ec2").operation_model(_OPERATION)
            return self._model


def _named(template: dict[str, str]) -> dict[str, str]:
    return {"LaunchTemplateId": template["LaunchTemplateId"], "Version": template["Version"]}

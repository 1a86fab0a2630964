"""Run Command: SendCommand with AWS-RunShellScript, its invocations, and their end."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.aws.cloud.aws_error import AwsError
from sandbox.aws.cloud.session_manager.nodes import Nodes

DOCUMENT = "AWS-RunShellScript"
MOST_OUT, MOST_ERROR = 24_000, 8_000
"""Characters of an invocation's outputs that GetCommandInvocation returns."""
_KNOWN = frozenset({"DocumentName", "DocumentVersion", "InstanceIds", "Targets", "Parameters",
                    "TimeoutSeconds", "Comment"})  # fmt: skip
_PARAMETERS = frozenset({"commands", "executionTimeout", "workingDirectory"})
_ENDED = frozenset({"Success", "Failed", "TimedOut", "Cancelled"})
_REMEMBERED = 2000


@dataclass
class Invocation:
    """A command on its instance."""

    command: str
    instance: str
    comment: str
    sent: float
    deliver_until: float
    status: str = "Pending"
    details: str = "Pending"
    code: int = -1
    out: str = ""
    error: str = ""
    ended: float | None = None
    cancelled: bool = False


class Commands:
    """By command and instance. Thread-safe."""

    def __init__(self, nodes: Nodes, is_running: Callable[[str], bool], clock: Callable[[], float]) -> None:
        self._nodes = nodes
        self._is_running = is_running
        self._clock = clock
        self._invocations: dict[tuple[str, str], Invocation] = {}
        self._lock = threading.Lock()

    def send(self, asked: dict[str, Any]) -> dict[str, Any] | AwsError:
        parameters = asked.get("Parameters") or {}
        problem = _problem(asked, parameters)
        if problem is not None:
            return problem
        instances = [str(each) for each in asked["InstanceIds"]]
        unknown = [each for each in instances if not self._nodes.is_known(each) or not self._is_running(each)]
        if unknown:
            return AwsError("InvalidInstanceId", f"Instances [{unknown}] not in a valid state for account")
        command, now = str(uuid.uuid4()), self._clock()
        seconds = float((parameters.get("executionTimeout") or ["3600"])[0])
        for instance in instances:
            until = now + float(asked.get("TimeoutSeconds") or 3600)
            made = Invocation(command, instance, str(asked.get("Comment") or ""), now, until)
            with self._lock:
                self._invocations[command, instance] = made
                while len(self._invocations) > _REMEMBERED:
                    self._invocations.pop(next(iter(self._invocations)))
            self._nodes.send(
                instance,
                {
                    "Kind": "command",
                    "CommandId": command,
                    "Script": "\n".join(str(line) for line in parameters["commands"]) + "\n",
                    "Seconds": seconds,
                    "Folder": next(iter(parameters.get("workingDirectory") or ()), "") or None,
                },
            )
        return {
            "Command": {
                "CommandId": command,
                "DocumentName": DOCUMENT,
                "Comment": str(asked.get("Comment") or ""),
                "InstanceIds": instances,
                "Parameters": parameters,
                "RequestedDateTime": now,
                "ExpiresAfter": now + float(asked.get("TimeoutSeconds") or 3600) + seconds,
                "Status": "Pending",
                "StatusDetails": "Pending",
                "TargetCount": len(instances),
            }
        }

    def delivered(self, command: str, instance: str) -> bool:
        """The agent has the command now; whether it is to run it."""
        with self._lock:
            found = self._invocations.get((command, instance))
            if found is None or found.status != "Pending" or self._clock() > found.deliver_until:
                return False
            found.status = found.details = "InProgress"
            return True

    def replied(self, instance: str, reply: dict[str, Any]) -> None:
        with self._lock:
            found = self._invocations.get((str(reply.get("CommandId")), instance))
            status = str(reply.get("Status"))
            if found is None or found.status in _ENDED or status not in _ENDED:
                return
            found.status, found.code = status, int(reply.get("Code", -1))
            found.details = "ExecutionTimedOut" if status == "TimedOut" else status
            found.out, found.error = str(reply.get("Out", "")), str(reply.get("Error", ""))
            found.ended = self._clock()

    def cancel(self, asked: dict[str, Any]) -> dict[str, Any] | AwsError:
        command = str(asked.get("CommandId"))
        with self._lock:
            found = [each for (name, _), each in self._invocations.items() if name == command]
        if not found:
            return AwsError("InvalidCommandId", f"no command {command}")
        for each in found:
            if each.status == "Pending":
                each.status = each.details = "Cancelled"
            elif each.status == "InProgress":
                self._nodes.send(each.instance, {"Kind": "cancel", "CommandId": command})
        return {}

    def invocation(self, asked: dict[str, Any]) -> dict[str, Any] | AwsError:
        key = (str(asked.get("CommandId")), str(asked.get("InstanceId")))
        with self._lock:
            found = self._invocations.get(key)
            if found is None:
                return AwsError("InvocationDoesNotExist", "")
            if found.status == "Pending" and self._clock() > found.deliver_until:
                found.status, found.details = "TimedOut", "DeliveryTimedOut"
        return {
            "CommandId": found.command,
            "InstanceId": found.instance,
            "Comment": found.comment,
            "DocumentName": DOCUMENT,
            "PluginName": "aws:runShellScript",
            "ResponseCode": found.code,
            "ExecutionStartDateTime": _moment(found.sent),
            "ExecutionEndDateTime": _moment(found.ended) if found.ended is not None else "",
            "Status": found.status,
            "StatusDetails": found.details,
            "StandardOutputContent": found.out[:MOST_OUT],
            "StandardErrorContent": found.error[:MOST_ERROR],
        }


def _problem(asked: dict[str, Any], parameters: dict[str, Any]) -> AwsError | None:
    if asked.get("DocumentName") != DOCUMENT:
        return AwsError("InvalidDocument", f"The sandbox has the document {DOCUMENT} alone")
    unknown = sorted(asked.keys() - _KNOWN) + sorted(parameters.keys() - _PARAMETERS)
    if unknown or asked.get("Targets"):
        return AwsError(
            "InvalidParameters", f"The sandbox's commands know no {', '.join(unknown) or 'Targets'}"
        )
    if not asked.get("InstanceIds") or not parameters.get("commands"):
        return AwsError("InvalidParameters", "InstanceIds and the parameter commands are needed")
    return None


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds * 1000) % 1000:03d}Z"

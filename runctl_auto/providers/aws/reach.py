"""Reaches machines by Systems Manager: Run Command, Session Manager."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from runctl_auto.errors import CloudError, MachineNotReachableError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.sessions.links import ChannelPort, ChannelTerminal
from runctl_auto.providers.aws.sessions.plugin import find_plugin, plugin_command
from runctl_auto.providers.aws.sessions.web_socket import WebSocket, open_web_socket, require_web_sockets
from runctl_auto.providers.reach import (
    ClientCommand,
    CommandPhase,
    Connection,
    OpenedSession,
    SeenSession,
    SentCommand,
)

_SCRIPT, _COMMAND, _PORT = (
    "AWS-RunShellScript",
    "AWS-StartInteractiveCommand",
    "AWS-StartPortForwardingSession",
)
DOCUMENTS = (_SCRIPT, _COMMAND, _PORT)
"""Of Amazon: what commands and sessions of runctl are made with."""
_DELIVER_SECONDS = 30
"""The shortest that Systems Manager takes."""
_MOST_COMMENT, _MOST_REASON = 100, 256
_MOST_SESSIONS = 50
_NO_SESSION = "DoesNotExistException"
_NOT_CONNECTED = frozenset({"InvalidInstanceId", "TargetNotConnected"})
_PHASES: Mapping[str, CommandPhase] = {
    "Pending": "waiting",
    "Delayed": "waiting",
    "InProgress": "running",
    "Cancelling": "running",
    "Success": "ended",
    "Failed": "ended",
    "Cancelled": "cancelled",
    "TimedOut": "timed-out",
}
_UNDELIVERED = frozenset(
    {"DeliveryTimedOut", "Undeliverable", "Terminated", "InvalidPlatform", "AccessDenied"}
)
_KINDS = {
    _COMMAND: "shell",
    _PORT: "forward",
    "SSM-SessionManagerRunShell": "console",
}
"""What a session is for, by its document; ``console``: opened by other means than runctl."""


class SsmReach:
    """Implements ``providers.reach.Reach``, which describes the methods."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def connection(self, machine: str) -> Connection:
        found = self._cloud.call(
            "ssm", "describe_instance_information", Filters=[{"Key": "InstanceIds", "Values": [machine]}]
        )["InstanceInformationList"]
        if not found:
            return "unknown"
        return "connected" if found[0].get("PingStatus") == "Online" else "lost"

    def send(self, machine: str, script: str, *, seconds: int, comment: str) -> str:
        answer = self._asked(
            machine,
            "send_command",
            InstanceIds=[machine],
            DocumentName=_SCRIPT,
            Comment=comment[:_MOST_COMMENT],
            TimeoutSeconds=_DELIVER_SECONDS,
            Parameters={"commands": [script], "executionTimeout": [str(seconds)]},
        )
        return str(answer["Command"]["CommandId"])

    def command(self, machine: str, identity: str) -> SentCommand:
        try:
            found = self._cloud.call("ssm", "get_command_invocation", CommandId=identity, InstanceId=machine)
        except CloudError as error:
            if error.code != "InvocationDoesNotExist":  # it shows a moment after it was sent
                raise
            return SentCommand("waiting")
        details = str(found.get("StatusDetails", "")).replace(" ", "")
        phase = "undelivered" if details in _UNDELIVERED else _PHASES.get(str(found["Status"]), "running")
        return SentCommand(
            phase,
            int(found.get("ResponseCode", -1)),
            str(found.get("StandardOutputContent") or ""),
            str(found.get("StandardErrorContent") or ""),
        )

    def open_terminal(self, machine: str, command: str, *, reason: str) -> OpenedSession:
        return self._opened(machine, _COMMAND, {"command": [command]}, reason)

    def open_port(self, machine: str, port: int, *, local: int, reason: str) -> OpenedSession:
        parameters = {"portNumber": [str(port)], "localPortNumber": [str(local)]}
        return self._opened(machine, _PORT, parameters, reason)

    def resume(self, session: OpenedSession) -> OpenedSession | None:
        try:
            answer = self._cloud.call("ssm", "resume_session", SessionId=session.id)
        except CloudError as error:
            if error.code != _NO_SESSION:
                raise
            return None
        token = answer.get("TokenValue")
        if not token:
            return None
        url = str(answer.get("StreamUrl") or session.url)
        return OpenedSession(session.id, session.machine, url, str(token))

    def end(self, session: str) -> None:
        self._cloud.call("ssm", "terminate_session", SessionId=session)

    def sessions(self, machine: str) -> tuple[SeenSession, ...]:
        found = [
            _seen(each)
            for state in ("Active", "History")
            for each in self._cloud.call(
                "ssm",
                "describe_sessions",
                State=state,
                MaxResults=_MOST_SESSIONS,
                Filters=[{"key": "Target", "value": machine}],
            )["Sessions"]
        ]
        return tuple(sorted(found, key=lambda each: each.started_at, reverse=True))

    def write_log(self, group: str, stream: str, text: str) -> None:
        name = stream.replace(":", "-").replace("*", "-")
        self._cloud.call("logs", "create_log_stream", logGroupName=group, logStreamName=name)
        event = {"timestamp": int(time.time() * 1000), "message": text}
        self._cloud.call("logs", "put_log_events", logGroupName=group, logStreamName=name, logEvents=[event])

    def write_object(self, bucket: str, key: str, text: str) -> None:
        self._cloud.call(
            "s3", "put_object", Bucket=bucket, Key=key, Body=text.encode(), ContentType="application/json"
        )

    def client_command(self, session: OpenedSession) -> ClientCommand | None:
        plugin = find_plugin()
        if plugin is None:
            return None
        endpoint = self._cloud.endpoint_url
        return plugin_command(plugin, session, region=self._cloud.region, endpoint=endpoint)

    def require_client(self) -> None:
        if find_plugin() is None:
            require_web_sockets()

    def terminal(self, session: OpenedSession, write: Callable[[bytes], None]) -> ChannelTerminal:
        return ChannelTerminal(session, self._connect, lambda: self.resume(session), write)

    def port(self, session: OpenedSession, refused: Callable[[], None]) -> ChannelPort:
        return ChannelPort(session, self._connect, lambda: self.resume(session), refused)

    def _connect(self, url: str) -> WebSocket:
        return open_web_socket(url, self._signed)

    def _signed(self, url: str) -> dict[str, str]:
        """The headers that sign the request which opens ``url``, as the service ``ssmmessages``."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        # botocore shows a client's credentials nowhere else.
        credentials = self._cloud.client("ssm")._request_signer._credentials
        request = AWSRequest("GET", url.replace("ws", "http", 1))
        request.headers["Host"] = urlsplit(url).netloc
        SigV4Auth(credentials.get_frozen_credentials(), "ssmmessages", self._cloud.region).add_auth(request)
        return {name: value for name, value in request.headers.items() if name.lower() != "host"}

    def _opened(
        self, machine: str, document: str, parameters: Mapping[str, list[str]], reason: str
    ) -> OpenedSession:
        answer = self._asked(
            machine,
            "start_session",
            Target=machine,
            DocumentName=document,
            Parameters=parameters,
            Reason=reason[:_MOST_REASON],
        )
        return OpenedSession(
            str(answer["SessionId"]), machine, str(answer["StreamUrl"]), str(answer["TokenValue"])
        )

    def _asked(self, machine: str, operation: str, **parameters: object) -> dict[str, Any]:
        try:
            return self._cloud.call("ssm", operation, **parameters)
        except CloudError as error:
            if error.code not in _NOT_CONNECTED:
                raise
            raise MachineNotReachableError(
                f"Systems Manager does not reach machine {machine}.", where={"machine": machine}
            ) from error


def _seen(told: Mapping[str, Any]) -> SeenSession:
    document = str(told.get("DocumentName") or "")
    ended = told.get("EndDate")
    return SeenSession(
        str(told["SessionId"]),
        str(told.get("Target") or ""),
        str(told.get("Owner") or "unknown"),
        _KINDS.get(document, document or "unknown"),
        _utc(told["StartDate"]),
        None if ended is None else _utc(ended),
    )


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(timezone.utc)

"""The host's part of Systems Manager: registers the instance, runs commands, serves sessions.

It stands for amazon-ssm-agent and needs the same permissions of the instance's role. Its control channel is a
long poll of the sandbox's own; the data channels of sessions are those of AWS. Started by the host's init.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any, Protocol

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from sandbox.hosts.guest import session_messages as messages
from sandbox.hosts.guest.session_channel import AgentChannel
from sandbox.hosts.guest.session_cloud import CONTROL, Cloud, CloudError, Metadata
from sandbox.hosts.guest.session_mux import MuxServer
from sandbox.hosts.guest.session_scripts import Scripts
from sandbox.hosts.guest.session_shell import Pipes, Terminal
from sandbox.hosts.guest.websocket_frames import TEXT, Closed, connect

VERSION = "3.3.2299.0"
_WAIT_SECONDS = 10
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0
_HANDSHAKE_SECONDS, _DRAIN_SECONDS = 60.0, 5.0


class Served(Protocol):
    """What a session is connected to."""

    def take(self, kind: int, data: bytes) -> None: ...
    def pump(self) -> int: ...
    def end(self) -> None: ...


class Agent:
    """Serves until the process ends."""

    def __init__(self, instance: str, cloud: Cloud) -> None:
        self._instance = instance
        self._cloud = cloud
        self._scripts = Scripts()

    def serve(self) -> None:
        pause, registered = _FIRST_PAUSE, False
        while True:
            try:
                if not registered:
                    self._register()
                    registered = True
                told = self._control({"WaitSeconds": _WAIT_SECONDS}, seconds=_WAIT_SECONDS + 10.0)
            except (CloudError, KeyError, ValueError) as error:
                _say(f"no control channel: {error}")
                registered = False
                time.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            pause = _FIRST_PAUSE
            for message in told.get("Messages", ()):
                threading.Thread(target=self._handle, args=(message,), daemon=True).start()

    def _register(self) -> None:
        self._cloud.call(
            "ssm",
            "AmazonSSM.UpdateInstanceInformation",
            {
                "InstanceId": self._instance,
                "AgentVersion": VERSION,
                "AgentStatus": "Active",
                "PlatformType": "Linux",
                "IPAddress": "127.0.0.1",
                "ComputerName": socket.gethostname(),
            },
        )
        self._cloud.call("ssmmessages", f"{CONTROL}.CreateControlChannel", {"InstanceId": self._instance})

    def _control(self, content: dict[str, Any], seconds: float = 15.0) -> dict[str, Any]:
        asked = {"InstanceId": self._instance, **content}
        return self._cloud.call("ssmmessages", f"{CONTROL}.OpenControlChannel", asked, seconds)

    def _handle(self, message: dict[str, Any]) -> None:
        try:
            if message["Kind"] == "command":
                self._run(message)
            elif message["Kind"] == "cancel":
                self._scripts.cancel(message["CommandId"])
            elif message["Kind"] == "session":
                Session(self._cloud, message).serve()
        except (CloudError, Closed, OSError, KeyError, ValueError) as error:
            _say(f"{message.get('Kind')}: {error!r}")

    def _run(self, message: dict[str, Any]) -> None:
        ended = self._scripts.run(
            message["CommandId"], message["Script"], float(message["Seconds"]), message.get("Folder")
        )
        reply = {
            "CommandId": message["CommandId"],
            "Status": ended.status,
            "Code": ended.code,
            "Out": ended.out,
            "Error": ended.error,
        }
        for attempt in range(5):
            try:
                self._control({"WaitSeconds": 0, "Reply": reply})
            except CloudError:
                time.sleep(1.0 + attempt)
            else:
                return


class Session:
    """One session, from the handshake to its end."""

    def __init__(self, cloud: Cloud, message: dict[str, Any]) -> None:
        self._cloud = cloud
        self._id = str(message["SessionId"])
        self._kind = str(message["SessionType"])
        self._properties = dict(message.get("Properties") or {})
        self._answered = threading.Event()
        self._client: dict[str, Any] = {}
        self._served: Served | None = None
        self._channel: AgentChannel | None = None

    def serve(self) -> None:
        asked = {"SessionId": self._id}
        self._cloud.call("ssmmessages", f"{CONTROL}.CreateDataChannel", asked)
        token = self._cloud.call("ssmmessages", f"{CONTROL}.OpenDataChannel", asked)["TokenValue"]
        path = f"/v1/data-channel/{self._id}?role=agent"
        web = connect(self._cloud.host, self._cloud.port, path, {})
        web.send(json.dumps({"MessageSchemaVersion": "1.0", "TokenValue": token}).encode(), TEXT)
        channel = self._channel = AgentChannel(web, self._id, self._take)
        channel.start()
        try:
            self._shake_hands(channel)
            self._served = self._connected(channel)
            threading.Thread(target=self._end_with_channel, args=(channel,), daemon=True).start()
            channel.send(
                messages.HANDSHAKE_COMPLETE,
                _json({"HandshakeTimeToComplete": 1000000, "CustomerMessage": ""}),
            )
            self._served.pump()
            channel.drain(_DRAIN_SECONDS)
        finally:
            channel.end()

    def _end_with_channel(self, channel: AgentChannel) -> None:
        channel.closed.wait()
        if self._served is not None:
            self._served.end()

    def _shake_hands(self, channel: AgentChannel) -> None:
        parameters = {"SessionType": self._kind, "Properties": self._properties}
        action = {"ActionType": "SessionType", "ActionParameters": parameters}
        request = {"AgentVersion": VERSION, "RequestedClientActions": [action]}
        channel.send(messages.HANDSHAKE_REQUEST, _json(request))
        if not self._answered.wait(_HANDSHAKE_SECONDS):
            raise Closed("no client answered the handshake")
        failed = [each for each in self._client["ProcessedClientActions"] if each.get("ActionStatus") != 1]
        if failed:
            raise Closed(f"the client cannot serve the session: {failed}")

    def _take(self, kind: int, data: bytes) -> None:
        if kind == messages.HANDSHAKE_RESPONSE:
            self._client = json.loads(data)
            self._answered.set()
        elif kind == messages.PAYLOAD_FLAG and struct.unpack(">I", data)[0] == messages.TERMINATE_SESSION:
            if self._served is not None:
                self._served.end()
        elif self._served is not None:
            self._served.take(kind, data)

    def _connected(self, channel: AgentChannel) -> Served:
        if self._kind == "Port":
            return Port(int(self._properties["portNumber"]), channel)
        command = self._properties.get("commands") or ""
        arguments = ["sh", "-c", command] if command else ["sh"]
        if self._kind == "NonInteractiveCommands":
            return Pipes(arguments, os.environ, channel.send)
        return Terminal(arguments, os.environ, channel.send)


class Port:
    """Connections to a port of this machine."""

    def __init__(self, port: int, channel: AgentChannel) -> None:
        self._channel = channel
        self._ended = threading.Event()
        self._mux = MuxServer(
            self._send, lambda: socket.create_connection(("127.0.0.1", port), timeout=10.0), self._refused
        )

    def take(self, kind: int, data: bytes) -> None:
        if kind == messages.PAYLOAD_OUTPUT:
            self._mux.take(data)

    def pump(self) -> int:
        self._ended.wait()
        return 0

    def end(self) -> None:
        self._mux.close()
        self._ended.set()

    def _send(self, data: bytes) -> None:
        for begin in range(0, len(data), messages.PAYLOAD_BYTES):
            self._channel.send(messages.PAYLOAD_OUTPUT, data[begin : begin + messages.PAYLOAD_BYTES])

    def _refused(self) -> None:
        self._channel.send(messages.PAYLOAD_FLAG, struct.pack(">I", messages.CONNECT_TO_PORT_ERROR))


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content).encode()


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main() -> None:
    metadata = Metadata(os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"])
    pause = _FIRST_PAUSE
    while True:
        try:
            instance, region = (
                metadata.get("meta-data/instance-id"),
                metadata.get("meta-data/placement/region"),
            )
            break
        except CloudError:
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
    Agent(instance, Cloud(os.environ["AWS_ENDPOINT_URL"], region, metadata)).serve()


if __name__ == "__main__":
    main()

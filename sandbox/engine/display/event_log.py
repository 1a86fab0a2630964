"""The event log: engine events as JSON, streamed to a server or appended to a file."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from sandbox.engine.display.markup import render
from sandbox.engine.json_text import compact

_TEXTS = {"diagnosticEvent": ("message", "prefix"), "stdoutEvent": ("message",), "policyEvent": ("message",)}


class EventLog(Protocol):
    """Takes the texts of events."""

    def send(self, text: str) -> None:
        """Takes one event; does not block for long."""

    def close(self) -> None:
        """Returns when everything has arrived."""


class EventRecorder:
    """Numbers and dates events and hands them to a log."""

    def __init__(self, log: EventLog, *, coloured: bool = True) -> None:
        self._log = log
        self._coloured = coloured
        self._sequence = 0

    def emit(self, event: Mapping[str, Any]) -> None:
        """Records an event."""
        document = {"sequence": self._sequence, "timestamp": int(time.time()), **self._plain(event)}
        self._sequence += 1
        self._log.send(compact(document) + "\n")

    def pass_over(self) -> None:
        """Counts an event that is not recorded."""
        self._sequence += 1

    def close(self) -> None:
        """Returns when everything has arrived."""
        self._log.close()

    def _plain(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        if "diagnosticEvent" in event and "streamID" in event["diagnosticEvent"]:
            content = {key: value for key, value in event["diagnosticEvent"].items() if key != "streamID"}
            event = {"diagnosticEvent": content}
        if self._coloured:
            return event
        for name, fields in _TEXTS.items():
            if name in event:
                content = dict(event[name])
                for field in fields:
                    if field in content:
                        content[field] = render(str(content[field]), coloured=False)
                return {name: {**content, "color": "never"}}
        return event


class FileLog:
    """Appends to a file that is made anew."""

    def __init__(self, path: Path) -> None:
        self._stream = path.open("w", encoding="utf-8")

    def send(self, text: str) -> None:
        """Appends a line."""
        self._stream.write(text)
        self._stream.flush()

    def close(self) -> None:
        """Closes the file."""
        self._stream.close()


class StreamLog:
    """Streams to a server of Pulumi's events protocol. A server that does not answer is no error."""

    def __init__(self, address: str) -> None:
        import grpc

        from sandbox.engine.deploy.protocol import events_pb2, events_pb2_grpc

        self._request = events_pb2.EventRequest
        self._queue: queue.Queue[str | None] = queue.Queue()
        self._channel = grpc.insecure_channel(
            address,
            options=[("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)],
        )
        stub = events_pb2_grpc.EventsStub(self._channel)
        self._error: type[Exception] = grpc.RpcError
        self._thread = threading.Thread(target=self._run, args=(stub,), daemon=True)
        self._thread.start()

    def send(self, text: str) -> None:
        """Queues an event for the stream."""
        self._queue.put(text)

    def close(self) -> None:
        """Ends the stream and waits for the server's reply."""
        self._queue.put(None)
        self._thread.join()
        self._channel.close()

    def _run(self, stub: Any) -> None:
        try:
            stub.StreamEvents(self._requests())
        except self._error:
            return

    def _requests(self) -> Iterator[Any]:
        while True:
            text = self._queue.get()
            if text is None:
                return
            yield self._request(event=text)


def open_log(target: str) -> EventLog:
    """The log at `tcp://host:port` or in a file."""
    if target.startswith("tcp://"):
        return StreamLog(target[len("tcp://") :])
    return FileLog(Path(target))

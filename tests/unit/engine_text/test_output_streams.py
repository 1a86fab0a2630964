"""What processes print, as events."""

from __future__ import annotations

from typing import Any
from unittest.mock import create_autospec

from sandbox.engine.deploy.events import Events
from sandbox.engine.deploy.request import EventSink
from sandbox.engine.display.event_log import EventRecorder
from sandbox.engine.display.progress import ProgressDisplay


def _events(write: Any) -> list[dict[str, Any]]:
    sink = create_autospec(EventSink, instance=True)
    write(Events(sink))
    return [call.args[0]["diagnosticEvent"] for call in sink.emit.call_args_list]


def test_each_process_has_two_streams_of_its_own() -> None:
    def write(events: Events) -> None:
        first, second = events.output(), events.output()
        first("info", "a\n")
        first("info#err", "b\n")
        second("info", "c\n")
        first("info", "d\n")

    a, b, c, d = (event["streamID"] for event in _events(write))
    assert a == d
    assert len({a, b, c}) == 3


def test_what_providers_print_is_for_those_who_debug() -> None:
    (event,) = _events(lambda events: events.hidden_output("info", "x\n"))
    assert event["severity"] == "debug"


def test_the_log_does_not_tell_streams() -> None:
    class Log:
        def __init__(self) -> None:
            self.texts: list[str] = []

        def send(self, text: str) -> None:
            self.texts.append(text)

        def close(self) -> None:
            pass

    log = Log()
    EventRecorder(log).emit({"diagnosticEvent": {"message": "x", "streamID": 3}})
    assert "streamID" not in log.texts[0]
    assert '"message":"x"' in log.texts[0]


def test_streams_stay_apart_at_the_end(display_options: Any) -> None:
    lines: list[str] = []
    root = "urn:pulumi:s::p::pulumi:pulumi:Stack::p-s"
    display = ProgressDisplay(lines.append, display_options, preview=False, root_urn=root)
    for text, severity, stream in (("a\n", "info", 1), ("b\n", "info#err", 2), ("c\n", "info", 1)):
        display.emit({"diagnosticEvent": {"message": text, "severity": severity, "streamID": stream}})
    display.emit({"cancelEvent": {}})
    assert lines[lines.index("Diagnostics:") + 2 :] == ["    a", "    c", "", "    b", ""]

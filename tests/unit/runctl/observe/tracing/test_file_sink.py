"""The file of a trace: appended to, private, and no reason for a command to fail."""

from __future__ import annotations

import stat
from pathlib import Path

from runctl_auto.agent.tracing.spans import Span, SpanContext
from runctl_auto.observe.tracing import file_sink
from runctl_auto.observe.tracing.choice import Wanted
from runctl_auto.observe.tracing.file_sink import FileSink
from runctl_auto.observe.tracing.otlp_json import spans_in_line


def span(name: str, trace: str = "a") -> Span:
    return Span(name, SpanContext(trace * 32, "b" * 16), None, 1, 2)


def names(file: Path) -> list[str]:
    return [each["name"] for line in file.read_text().splitlines() for each, _ in spans_in_line(line)]


def sink(place: Path) -> FileSink:
    return FileSink(Wanted(file=place), place)


def test_commands_append_and_only_the_owner_reads(tmp_path: Path) -> None:
    file = tmp_path / "new" / "trace.jsonl"
    for name in ("first", "second"):
        found = sink(file)
        found.take(span(name))
        assert found.finish() is None
    assert names(file) == ["first", "second"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_in_a_folder_each_trace_has_a_file(tmp_path: Path) -> None:
    found = sink(tmp_path)
    found.take(span("one"))
    found.take(span("other", "c"))
    found.finish()
    assert names(tmp_path / f"{'a' * 32}.jsonl") == ["one"]
    assert names(tmp_path / f"{'c' * 32}.jsonl") == ["other"]


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    found = sink(blocked / "trace.jsonl")
    found.take(span("x"))
    failure = found.finish()
    assert failure is not None
    assert str(blocked) in failure


def test_a_long_command_holds_only_so_many(tmp_path: Path) -> None:
    file = tmp_path / "trace.jsonl"
    found = sink(file)
    for _ in range(file_sink.MOST_HELD):
        found.take(span("x"))
    assert len(names(file)) == file_sink.MOST_HELD

"""Output goes on whatever the streams are: closed, in another encoding, or without a reader."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from runctl_auto.cli import streams
from runctl_auto.cli.console import Console
from runctl_auto.cli.streams import (
    OutputClosed,
    broken_pipes_told_apart,
    discard,
    is_unicode,
    prepare_streams,
    reader_has_left,
)


def test_what_the_encoding_lacks_is_written_in_ascii(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (tmp_path / "out").open("w", encoding="latin-1") as out:
        monkeypatch.setattr(sys, "stdout", out)
        prepare_streams()
        Console(out=out, err=sys.stderr).log_line("café 日本 … ± \udce9")
    assert (tmp_path / "out").read_text(encoding="latin-1") == "café \\u65e5\\u672c ... ± \\udce9\n"


def test_even_ascii_will_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (tmp_path / "out").open("w", encoding="ascii") as out:
        monkeypatch.setattr(sys, "stdout", out)
        prepare_streams()
        Console(out=out, err=sys.stderr).line("± café")
    assert (tmp_path / "out").read_text(encoding="ascii") == "+- caf\\xe9\n"


def test_a_closed_stream_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    prepare_streams()
    speaker = Console()
    speaker.line("nowhere")
    speaker.say("nowhere")
    assert not speaker.confirm("Go on?")


@pytest.mark.parametrize(
    ("encoding", "expected"), [("utf-8", True), ("UTF-16", True), ("latin-1", False), ("no-such", False)]
)
def test_which_streams_write_all_characters(encoding: str, expected: bool) -> None:
    stream = type("Encoded", (io.StringIO,), {"encoding": encoding})
    assert is_unicode(stream()) is expected
    assert is_unicode(io.StringIO()) is True


@pytest.mark.parametrize(
    ("number", "expected"), [(errno.EPIPE, True), (errno.EIO, True), (errno.ENOSPC, False)]
)
def test_which_errors_say_that_the_reader_left(number: int, expected: bool) -> None:
    assert reader_has_left(OSError(number, "")) is expected


@pytest.fixture
def pipe() -> Iterator[TextIO]:
    """A pipe whose reader has left."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", encoding="utf-8") as stream:
        yield stream


def test_a_change_goes_on_when_the_reader_has_left(pipe: TextIO) -> None:
    err = io.StringIO()
    speaker = Console(out=pipe, err=err)
    for number in range(3):
        speaker.line(f"line {number}")
    speaker.say("done")
    assert err.getvalue() == "done\n"
    assert speaker.unwritten is None


def test_messages_may_lose_their_reader_too(pipe: TextIO) -> None:
    out = io.StringIO()
    speaker = Console(out=out, err=pipe, ends_with_reader=True)
    speaker.say("who hears this?")
    speaker.say("nobody")
    speaker.line("result")
    assert out.getvalue() == "result\n"


def test_a_command_that_only_prints_ends_with_its_reader(pipe: TextIO) -> None:
    speaker = Console(out=pipe, err=io.StringIO(), ends_with_reader=True)
    with pytest.raises(OutputClosed):
        speaker.log_line("epoch 1")
    speaker.log_line("not written, and no error twice")


def test_a_full_disk_is_told_at_the_end() -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    speaker = Console(out=Full(), err=io.StringIO())
    speaker.line("a")
    speaker.line("b")
    assert speaker.unwritten is not None
    assert speaker.unwritten.errno == errno.ENOSPC


def test_another_broken_pipe_is_an_error_like_any_other() -> None:
    with pytest.raises(ConnectionError) as raised, broken_pipes_told_apart():
        raise BrokenPipeError("of an engine")
    assert not isinstance(raised.value, BrokenPipeError)


def test_what_is_buffered_does_not_fail_when_the_process_ends(pipe: TextIO) -> None:
    pipe.write("x")
    discard(pipe)
    pipe.flush()


def test_the_handler_is_only_for_encoding() -> None:
    with pytest.raises(UnicodeDecodeError):
        streams._in_ascii(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"))


SCRIPT = "import sys; from runctl_auto.cli.main import main; sys.argv[0] = 'runctl'; main()"


def piped(*arguments: str, shell: str) -> subprocess.CompletedProcess[str]:
    """The program in a shell's pipeline; ``$RUNCTL`` starts it."""
    words = " ".join((sys.executable, "-c", f'"{SCRIPT}"', *arguments))
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {shell.replace('$RUNCTL', words)}"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )


@pytest.mark.parametrize(
    ("arguments", "shell"),
    [
        (("schema",), "$RUNCTL | head -n 1"),
        (("--help",), "$RUNCTL | head -n 1"),
        (("schema",), "$RUNCTL | true"),
        (("up", "--help"), "$RUNCTL | true"),
        (("completion", "bash"), "$RUNCTL | head -n 1"),
        (("version",), "$RUNCTL >&-"),
        (("version",), "$RUNCTL <&- 2>&-"),
        (("schema",), "PYTHONIOENCODING=ascii $RUNCTL"),
    ],
    ids=[
        "schema",
        "help",
        "nobody reads",
        "help of a command",
        "completion",
        "closed stdout",
        "closed others",
        "ascii",
    ],
)
def test_readers_may_leave(arguments: tuple[str, ...], shell: str) -> None:
    ran = piped(*arguments, shell=shell)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_full_disk_fails_the_command() -> None:
    ran = piped("version", shell="$RUNCTL > /dev/full")
    assert ran.returncode == 1
    assert "could not be written: No space left on device" in ran.stderr
    assert "Traceback" not in ran.stderr

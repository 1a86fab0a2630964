"""The standard streams: closed ones, encodings other than UTF-8, and readers that leave early."""

from __future__ import annotations

import codecs
import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

_ERRORS = "runctl-plain"
_PLAIN = {"…": "...", "±": "+-", "–": "-", "→": "->", "×": "x"}
_READER_LEFT = frozenset({errno.EPIPE, errno.EIO})
"""A pipe whose reader has exited; a terminal that was closed."""


class OutputClosed(Exception):
    """Whoever read the output has left, and the command has no other purpose than its output."""


def prepare_streams() -> None:
    """Makes the standard streams of this process usable, whatever they were started with.

    Replaces closed ones by the null device, so that no file gets their number. Characters that the encoding
    of the output lacks are written as ASCII. Idempotent.
    """
    codecs.register_error(_ERRORS, _in_ascii)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - open to the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ERRORS)


def reader_has_left(error: OSError) -> bool:
    """Whether a failed write means that nobody reads the output any more."""
    return error.errno in _READER_LEFT


def discard(stream: TextIO) -> None:
    """From now on, what is written to ``stream`` is discarded, what it has buffered included."""
    with suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


@contextmanager
def broken_pipes_told_apart() -> Iterator[None]:
    """Within it a broken pipe raises ``OutputClosed`` if it is stdout, otherwise ``ConnectionError``.

    click takes every broken pipe for that of the output, and exits without a message.
    """
    try:
        yield
    except BrokenPipeError as error:
        if _has_no_reader(sys.stdout):
            discard(sys.stdout)
            raise OutputClosed from error
        raise ConnectionError(str(error)) from error


def _has_no_reader(stream: TextIO) -> bool:
    try:
        number = stream.fileno()
    except (OSError, ValueError):
        return False
    watch = select.poll()
    watch.register(number, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in watch.poll(0))


def is_unicode(stream: TextIO) -> bool:
    """Whether the stream can write all characters."""
    try:
        return codecs.lookup(stream.encoding or "utf-8").name.startswith("utf")
    except LookupError:
        return False


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(_PLAIN.get(each) or ascii(each)[1:-1] for each in text), error.end

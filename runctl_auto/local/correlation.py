"""What a line of runctl's own log is about: the job and run that are being worked on here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

_NOTHING: Mapping[str, str] = MappingProxyType({})
_about: ContextVar[Mapping[str, str]] = ContextVar("runctl_about", default=_NOTHING)


@contextmanager
def about(*, job: str) -> Iterator[None]:
    """What follows in this thread is about a job, until the context closes."""
    before = _about.get()
    token = _about.set(before if before.get("job") == job else {"job": job})
    try:
        yield
    finally:
        _about.reset(token)


def note_job(job: str) -> None:
    """What follows in this thread is about a job."""
    _about.set({"job": job})


def note_run(job: str, run: str) -> None:
    """The run of the job, if what follows is about that job."""
    found = _about.get()
    if found.get("job") == job:
        _about.set({**found, "run": run})


def forget() -> None:
    """What follows is about nothing in particular."""
    _about.set(_NOTHING)


def subject() -> Mapping[str, str]:
    """``job`` and ``run``, as far as they are known."""
    return _about.get()

"""The contract of notices: what people are told of, and where it is marked that they were.

Like ``contract.py``: both sides import it, it does no I/O, and machines keep the one they were started with.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from runctl_auto.agent.keys import control_prefix, run_prefix


class Event:
    """What people are told of."""

    END: Final = "end"
    """The run succeeded, or was stopped."""
    FAILURE: Final = "failure"
    INTERRUPTION: Final = "interruption"
    BUDGET: Final = "budget"
    SILENCE: Final = "silence"
    """A machine that runs has not reported for some time."""


NoticeEvent = Literal["end", "failure", "interruption", "budget", "silence"]
EVENTS: tuple[NoticeEvent, ...] = get_args(NoticeEvent)
NoticeFormat = Literal["auto", "slack", "json"]
FORMATS: tuple[NoticeFormat, ...] = get_args(NoticeFormat)


class Sent:
    """What became of a notice, as its mark says."""

    SENDING: Final = "sending"
    SENT: Final = "sent"
    FAILED: Final = "failed"
    """It certainly did not arrive."""
    UNKNOWN: Final = "unknown"
    """It may have arrived."""


def notices_prefix(run: str) -> str:
    """The prefix of the marks of notices that the machine may send."""
    return f"{run_prefix(run)}notices/"


def watchers_prefix(run: str) -> str:
    """The prefix of the marks of notices about the machine, which it cannot write."""
    return f"{control_prefix(run)}notices/"

"""The contract between runctl and the agent: phases, reasons, times, limits and requests.

What is in the bucket is in ``keys.py``, ``packages.py``, ``spec_format.py`` and ``status_format.py``, what is
in user data in ``start/boot_format.py``. Both sides import these modules; they do no I/O. They are part of
the agent's bundle, and the user data carries the definitions that the bootstrap uses. Running machines keep
the contract that they were started with, so both sides must still be able to read files from before a change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypedDict

SCHEMA: Final = 1
"""The version of ``spec.json`` and ``status.json``, their field ``schema``."""


class Phase:
    """The phases of a run."""

    BOOTING: Final = "booting"
    FETCHING: Final = "fetching"
    SETUP: Final = "setup"
    RUNNING: Final = "running"
    STOPPING: Final = "stopping"
    SUCCEEDED: Final = "succeeded"
    FAILED: Final = "failed"
    STOPPED: Final = "stopped"
    INTERRUPTED: Final = "interrupted"
    """This machine ended but the run did not: a replacement continues it."""


TERMINAL_PHASES = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.STOPPED})
"""The run has ended for good: it needs no machine, and no more state is written for it."""
LIVE_PHASES = (Phase.BOOTING, Phase.FETCHING, Phase.SETUP, Phase.RUNNING, Phase.STOPPING)
"""The phases of a run that has a machine, in order."""
PHASES = frozenset({*LIVE_PHASES, *TERMINAL_PHASES, Phase.INTERRUPTED})
TIMED_AS: Mapping[str, str] = {
    Phase.BOOTING: "boot",
    Phase.FETCHING: "fetch",
    Phase.SETUP: "setup",
    Phase.RUNNING: "run",
    Phase.STOPPING: "upload",
}
"""The keys in ``status.json`` under which the seconds of each phase are counted."""


class Reason:
    """Why a run ended or was interrupted."""

    COMPLETED: Final = "completed"
    SETUP_FAILED: Final = "setup_failed"
    COMMAND_FAILED: Final = "command_failed"
    LEFT_PROCESSES: Final = "left_processes"
    """The command succeeded but left busy processes behind: a retry would do the same."""
    AGENT_ERROR: Final = "agent_error"
    INTERRUPTION: Final = "interruption"
    MAX_DURATION: Final = "max_duration"
    IDLE_DURATION: Final = "idle_duration"
    BUDGET: Final = "budget"
    DOWN: Final = "down"
    REPLACE: Final = "replace"
    USER: Final = "user"
    NODES_MISSING: Final = "nodes_missing"
    """A node of a run on several machines did not come in time."""


RETRIED_AS: Mapping[str, str] = {
    Reason.INTERRUPTION: "interruption",
    Reason.SETUP_FAILED: "error",
    Reason.COMMAND_FAILED: "error",
}
"""The event of ``retry.on_events`` that a reason counts as. A run that ended for any other reason is never
retried: it succeeded, was stopped on purpose, or would end the same way again.
"""


class Background:
    """What to do with processes that still run when the command has returned."""

    FAIL: Final = "fail"
    """Idle ones are ended; the run fails if they are busy."""
    WAIT: Final = "wait"
    STOP: Final = "stop"


BACKGROUNDS = frozenset({Background.FAIL, Background.WAIT, Background.STOP})

DEFAULT_SHELL: Final = "bash -e"
"""What runs setup and the command: a program and its options; ``-c`` and the script are appended."""

SHELLS = frozenset({"ash", "bash", "dash", "fish", "ksh", "ksh93", "mksh", "rbash", "sh", "zsh"})
"""Programs that only wait for the processes that they start."""

StopReason = Literal["down", "replace", "user"]
STOP_REASONS: tuple[StopReason, ...] = (Reason.DOWN, Reason.REPLACE, Reason.USER)
"""The reasons that a stop request may give."""

HEARTBEAT_SECONDS: Final = 15
"""How often the agent writes the status when nothing else changes it, in the first minutes."""
LATER_HEARTBEAT_SECONDS: Final = 30
"""The same after the first minutes."""
LATER_STOP_SECONDS: Final = 15
"""How often the agent looks for a stop request after the first minutes."""
GRACE_SECONDS: Final = 30
"""How long a job that is stopped may take to save and exit, unless the stop request sets another value."""
REPORTING_SECONDS: Final = 60
"""Additional time for the agent, after the grace, to upload the last checkpoint and the artifacts."""
STOP_BEFORE_DEADLINE_SECONDS: Final = 60
"""How long before the machine's hard deadline the agent stops the job."""
DEADLINE_SLACK_SECONDS: Final = 600
"""Time between a limit of the run and its machine's hard deadline, in which the agent can end the run by
itself.
"""
END_SCHEDULE_SLACK_SECONDS: Final = 600
"""Time between that deadline and termination by the cloud's schedule. It counts from the machine's creation;
the deadline counts from its first boot, which may be minutes later.
"""

MOST_STATUS_BYTES: Final = 512 * 1024
MOST_MANIFEST_BYTES: Final = 32 * 1024 * 1024
MOST_SPEC_BYTES: Final = 1024 * 1024
MOST_METRICS_BYTES: Final = 1024 * 1024
MOST_REQUEST_BYTES: Final = 4096
"""Of a stop request, and of the choice of a checkpoint."""
MOST_ENTRIES: Final = 100_000
"""Files, folders, links, problems and extents in a manifest together."""
MOST_SEQUENCE: Final = 99_999_999
"""The largest number of a checkpoint, a log part or an attempt."""
MOST_MACHINES: Final = 200
"""Of a run, that its status lists: the last ones."""
MOST_MESSAGE: Final = 2000
"""Characters of a status's message."""
MOST_NOTE: Final = 300
"""Characters of each other text of a status: what is longer is cut."""
LOG_PART_BYTES: Final = 1024 * 1024
"""The size of a full log part, before secrets in it are replaced."""

MOST_NODES: Final = 64
"""Machines of a run."""


class StopJson(TypedDict):
    """``stop.json``: the stop request. ``at`` is an RFC 3339 time."""

    reason: StopReason
    grace_seconds: float
    at: str


class ChosenJson(TypedDict):
    """``chosen.json``: the checkpoint to start from until one newer than ``newest`` is complete."""

    sequence: str
    newest: str

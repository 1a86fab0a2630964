"""Errors of the command line and the exit codes that they end with."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Why the command ended."""

    DONE = 0
    FAILED = 1
    BAD_CONFIGURATION = 2
    NOT_AUTHENTICATED = 3
    NO_SUCH_STACK = 6
    CHANGES_FOUND = 7
    CANCELLED = 8


class CommandError(Exception):
    """The command failed: its text goes to stderr after `error: `, its code is the exit code.

    An empty text prints nothing: the display has told it already.
    """

    def __init__(self, message: str = "", code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.code = code


class UsageError(CommandError):
    """The command line itself is wrong."""


class ArgumentCountError(UsageError):
    """There are too few or too many arguments: the command's help is shown with it."""


class UnsupportedError(CommandError):
    """What was asked for exists in Pulumi's CLI, but not in this engine."""

    def __init__(self, what: str, instead: str = "") -> None:
        advice = f": {instead}" if instead else ""
        super().__init__(f"{what} is not supported by this engine{advice}", ExitCode.BAD_CONFIGURATION)

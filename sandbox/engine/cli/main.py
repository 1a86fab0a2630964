"""From the command line's words to an exit code."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from sandbox.engine.backend.errors import BackendError, StackNotFoundError
from sandbox.engine.cli.command import Invocation, parse
from sandbox.engine.cli.errors import ArgumentCountError, CommandError, ExitCode
from sandbox.engine.cli.session import Session
from sandbox.engine.cli.tree import ROOT
from sandbox.engine.secrets.manager import SecretsError
from sandbox.engine.secrets.passphrase import PassphraseError
from sandbox.engine.settings.config_key import ConfigKeyError
from sandbox.engine.settings.config_path import ConfigPathError
from sandbox.engine.settings.config_value import ConfigTypeError
from sandbox.engine.settings.documents import SettingsFileError
from sandbox.engine.settings.project import ProjectNotFoundError

_EXPECTED = (
    CommandError,
    BackendError,
    SecretsError,
    PassphraseError,
    SettingsFileError,
    ProjectNotFoundError,
    ConfigKeyError,
    ConfigPathError,
    ConfigTypeError,
    OSError,
)


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command that `words` (the process's arguments by default) mean; returns the exit code."""
    return run(sys.argv[1:] if words is None else words, os.environ, sys.stdout, sys.stderr)


def run(words: Sequence[str], environment: Mapping[str, str], out: TextIO, err: TextIO) -> int:
    """`main` with everything it touches given to it. Prints errors to `err`."""
    try:
        _execute(parse(ROOT, words), environment, out, err)
    except _EXPECTED as error:
        if isinstance(error, ArgumentCountError):
            _execute(parse(ROOT, [*_before_dashes(words), "--help"]), environment, out, err)
        if str(error) and not isinstance(error, BrokenPipeError):
            err.write(f"error: {error}\n")
        return int(_exit_code(error))
    except KeyboardInterrupt:
        err.write("error: the command was interrupted\n")
        return int(ExitCode.CANCELLED)
    return int(ExitCode.DONE)


def _exit_code(error: Exception) -> ExitCode:
    if isinstance(error, CommandError):
        return error.code
    return ExitCode.NO_SUCH_STACK if isinstance(error, StackNotFoundError) else ExitCode.FAILED


def _execute(invocation: Invocation, environment: Mapping[str, str], out: TextIO, err: TextIO) -> None:
    flags = invocation.flags
    command = invocation.command
    if flags.on("help") or not (command.handler or flags.given.get("version")):
        from sandbox.engine.cli.help import help_text

        out.write(help_text(invocation.path))
        return
    if flags.text("cwd"):
        os.chdir(flags.text("cwd"))
    handler = command.handler or "version:run"
    session = Session(invocation, environment, Path.cwd(), out, err)
    _handler(handler)(session)


def _handler(name: str) -> Callable[[Session], None]:
    module_name, _, function = name.partition(":")
    module = importlib.import_module(f"sandbox.engine.cli.commands.{module_name}")
    handler: Callable[[Session], None] = getattr(module, function)
    return handler


def _before_dashes(words: Sequence[str]) -> Sequence[str]:
    return words[: words.index("--")] if "--" in words else words

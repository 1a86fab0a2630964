"""The program ``runctl``: options before the command, and error handling."""

from __future__ import annotations

import gc
import os
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from runctl_auto.cli.console import Console
from runctl_auto.cli.invocation import Invocation
from runctl_auto.cli.options import accept_after, general_options
from runctl_auto.cli.streams import OutputClosed, broken_pipes_told_apart, prepare_streams
from runctl_auto.errors import ExitCode, InterruptedByUserError, RunctlError, UsageError
from runctl_auto.local import correlation
from runctl_auto.local.interruption import (
    has_left_an_operation_alone,
    ignore_interruptions,
    treat_termination_as_interruption,
)

_COMMANDS: dict[str, str] = {
    "init": "Create a job file.",
    "up": "Create or update a job, follow its training and fetch the results.",
    "preview": "Show what `up` would change.",
    "plan": "Show what `apply` would change in a folder of jobs.",
    "apply": "Make the jobs of a folder what their files say.",
    "offers": "Show where a job could run, and at which price.",
    "down": "Delete a job's resources and verify that none is left.",
    "protect": "Protect a job's volume or bucket from deletion.",
    "unprotect": "Remove the protection of a volume or bucket.",
    "unlock": "Remove the locks that a killed command left on a job.",
    "reap": "Terminate machines that exceeded their limits.",
    "drift": "Show what has changed in the cloud without runctl.",
    "leaks": "Find and remove resources that no stack manages.",
    "ls": "List jobs.",
    "status": "Show the status of a job.",
    "describe": "Show the details of a job.",
    "cost": "Show what jobs cost.",
    "logs": "Print the logs of a job.",
    "metrics": "Show the metrics of a run.",
    "plot": "Plot metrics of runs.",
    "compare": "Compare runs by their metrics.",
    "exporter": "Export the metrics of all jobs to Prometheus.",
    "top": "Watch all jobs on the terminal.",
    "dashboard": "Show all jobs in a browser.",
    "stop": "End a job's machine and keep its data.",
    "resume": "Continue a job that was stopped.",
    "exec": "Run a command on a job's machine, as part of the job.",
    "ps": "Show what a job's machine does.",
    "shell": "Open a shell of a job on its machine.",
    "forward": "Carry connections to a port of a job's machine.",
    "watch": "Follow jobs, and give a run that lost its machine a new one.",
    "wait": "Wait until a job's run has ended.",
    "checkpoint": "List, fetch, verify, choose and delete checkpoints of a job.",
    "data": "Compare how data come to a job, and write a loader.",
    "transfer": "Move data between this machine, buckets and jobs.",
    "volume": "Create, list, attach, resize and delete volumes.",
    "snapshot": "Take, list, copy, restore and delete snapshots of volumes.",
    "outputs": "Print the outputs of a job's stack.",
    "validate": "Check a job file.",
    "schema": "Print the JSON schema of job files.",
    "config": "Show and change settings.",
    "env": "Print the environment variables that plain `pulumi` needs.",
    "sandbox": "Start, stop or inspect the sandbox; interrupt machines in it.",
    "doctor": "Check that everything runctl needs is installed and reachable.",
    "catalog": "Manage the price book.",
    "export": "Write what other tools need to run jobs and to follow them.",
    "permissions": "Print the minimal IAM policy for runctl.",
    "setup": "Install the Pulumi engine and the AWS plugin.",
    "completion": "Print the shell completion script.",
    "version": "Print the version.",
}

_TRACED_BY = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_TRACES_EXPORTER",
    "RUNCTL_TRACE_FILE",
)
"""Variables that may ask for a trace; without any of them nothing of it is imported."""

_SELDOM = (50_000, 20, 20)
"""Thresholds of garbage collection: imports allocate many objects that are never freed."""


class _Commands(click.Group):
    """Imports a command's module when the command runs, so that help stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"runctl_auto.cli.commands.{cmd_name}")
        command: click.Command = module.command
        accept_after(command, _take)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name in _COMMANDS or name.startswith("-"):
            return super().resolve_command(ctx, args)
        from difflib import get_close_matches

        near = get_close_matches(name, _COMMANDS, n=1)
        raise click.UsageError(
            f"No such command '{name}'." + (f" Did you mean '{near[0]}'?" if near else ""), ctx
        )

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        with broken_pipes_told_apart():
            return super().make_context(*args, **more)

    def invoke(self, ctx: click.Context) -> Any:
        with broken_pipes_told_apart():
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


def _take(context: click.Context, option: str, value: Any) -> None:
    invocation = context.ensure_object(Invocation)
    if option == "sandbox":
        invocation.options[("sandbox",)] = True
    elif option == "output":
        invocation.console.as_json = value == "json"
    elif option == "log_format":
        invocation.console.log_as_json = value == "json"
    else:
        invocation.console.verbose = True


@click.group(
    cls=_Commands,
    params=general_options(_take, hidden=False),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Runs machine-learning training on rented machines and leaves nothing behind.",
)
@click.pass_context
def cli(context: click.Context) -> None:
    context.ensure_object(Invocation)


def main() -> None:
    """Runs the program and exits with its ``ExitCode``."""
    gc.set_threshold(*_SELDOM)
    prepare_streams()
    try:
        treat_termination_as_interruption()
        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = int(ExitCode.INTERRUPTED)
    finally:
        ignore_interruptions()
    if has_left_an_operation_alone():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    gc.freeze()  # skips the final collection of the remaining objects, which takes a tenth of a second
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Runs one command; its exit code. The only place where errors are reported."""
    own = _own(arguments)
    console = Console(as_json=_asks_for_json(own, "--output"), verbose="-v" in own or "--verbose" in own)
    console.log_as_json = _asks_for_json(own, "--log-format")
    correlation.forget()
    invocation = Invocation(console=console)
    if not os.environ.keys().isdisjoint(_TRACED_BY):
        invocation.begin_trace(None, Path.cwd())
    code = _run(arguments, invocation)
    if invocation.trace is not None:
        for each in invocation.trace.finish(_command_in(arguments), code):
            console.say(each, level="warning")
    if console.unwritten is not None:
        console.say(f"error: the output could not be written: {console.unwritten.strerror}")
        return code or int(ExitCode.FAILURE)
    return code


def _command_in(arguments: list[str]) -> str:
    """The command's name; no argument of it, which might be a secret."""
    return next((each for each in arguments if each in _COMMANDS), "")


def _run(arguments: list[str], invocation: Invocation) -> int:
    console = invocation.console
    try:
        code = cli.main(args=arguments, prog_name="runctl", standalone_mode=False, obj=invocation)
    except OutputClosed:
        return int(ExitCode.DONE)
    except RunctlError as error:
        console.error(error)
        return int(error.exit_code)
    except click.ClickException as error:
        console.result({"error": _usage_error(error).as_json()})
        if console.log_as_json:
            console.say(error.format_message(), level="error")
        else:
            error.show(file=sys.stderr)
        return int(ExitCode.USAGE)
    except (KeyboardInterrupt, click.Abort):
        console.result({"error": _INTERRUPTED.as_json()})
        console.say("interrupted")
        return int(ExitCode.INTERRUPTED)
    except Exception as error:
        return _told_as_unexpected(console, error)
    return int(code or ExitCode.DONE)


_INTERRUPTED = InterruptedByUserError(
    "The command was interrupted.",
    next_step="What was made goes on and is recorded: `runctl ls` lists it, `runctl down JOB` removes it.",
)


def _usage_error(error: click.ClickException) -> UsageError:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "runctl"
    return UsageError(error.format_message(), next_step=f"`{command} --help` shows what is possible.")


def _told_as_unexpected(console: Console, error: Exception) -> int:
    """An unexpected exception is a bug in runctl: reported in a line, with its traceback on ``-v``."""
    if console.verbose:
        for line in traceback.format_exc().splitlines():
            console.say(line)
    console.error(
        RunctlError(
            f"Something unexpected went wrong: {type(error).__name__}: {error}",
            next_step="Repeat with -v for the traceback, and report it. What was made is recorded: "
            "`runctl ls` lists it, `runctl down JOB` removes it.",
        )
    )
    return int(ExitCode.FAILURE)


def _own(arguments: list[str]) -> list[str]:
    """Those that are runctl's: what follows ``--`` is a command of somebody else."""
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _asks_for_json(arguments: list[str], option: str) -> bool:
    """Whether the option was given as json, parsed by hand since the options may be invalid."""
    joined = " ".join(arguments)
    return f"{option} json" in joined or f"{option}=json" in joined


if __name__ == "__main__":
    main()

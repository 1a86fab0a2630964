"""The program ``runctl``: options before the command, and what an error becomes."""

from __future__ import annotations

import sys
import traceback
from importlib import import_module

import click

from runctl_auto.cli.console import Console
from runctl_auto.cli.invocation import Invocation
from runctl_auto.errors import ExitCode, RunctlError
from runctl_auto.interruption import treat_termination_as_interruption

_COMMANDS: dict[str, str] = {
    "up": "Train: apply a job file, follow it to its end, bring the result home.",
    "preview": "Show what `up` would change, and change nothing.",
    "down": "End a job, keep what is protected, prove that nothing else is left.",
    "protect": "Keep a volume or the bucket of a job from deletion.",
    "unprotect": "End such a protection.",
    "ls": "List all jobs.",
    "status": "Show how a job is.",
    "logs": "Print the output of a job's training.",
    "outputs": "Print the outputs of a job's stack.",
    "validate": "Check a job file.",
    "env": "Print what plain `pulumi` needs to work on the same stacks.",
    "sandbox": "Start, stop or inspect the sandbox.",
    "setup": "Install Pulumi's CLI, which real clouds need.",
    "version": "Print the version.",
}


class _Commands(click.Group):
    """Imports a command's module when the command runs, so that help costs nothing."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"runctl_auto.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Runs machine-learning training on rented machines and leaves nothing behind.",
)
@click.option("--sandbox", is_flag=True, help="Work in the sandbox on this machine, not in a real cloud.")
@click.option(
    "--output", type=click.Choice(["text", "json"]), default="text", help="How results are printed."
)
@click.option("-v", "--verbose", is_flag=True, help="Show what the engine says, and causes of errors.")
@click.pass_context
def cli(context: click.Context, sandbox: bool, output: str, verbose: bool) -> None:
    options: dict[tuple[str, ...], object] = {("sandbox",): True} if sandbox else {}
    context.obj = Invocation(Console(as_json=output == "json", verbose=verbose), options)


def main() -> None:
    """Runs the program and exits with the code of ``ExitCode`` that tells how it went."""
    treat_termination_as_interruption()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command; its exit code. Errors are told here and nowhere else."""
    console = Console(
        as_json=_asks_for_json(arguments), verbose="-v" in arguments or "--verbose" in arguments
    )
    try:
        code = cli.main(args=arguments, prog_name="runctl", standalone_mode=False)
    except RunctlError as error:
        console.error(error)
        return int(error.exit_code)
    except click.ClickException as error:
        console.result({"error": {"kind": "usage", "what": error.format_message(), "exit_code": 7}})
        error.show(file=sys.stderr)
        return int(ExitCode.USAGE)
    except (KeyboardInterrupt, click.Abort):
        console.result({"error": {"kind": "interrupted", "what": "interrupted", "exit_code": 130}})
        console.say("interrupted")
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        return int(ExitCode.FAILURE)
    except Exception as error:
        return _told_as_unexpected(console, error)
    return int(code or ExitCode.DONE)


def _told_as_unexpected(console: Console, error: Exception) -> int:
    """An error that nobody expected is a mistake in runctl: told in a line, with its traceback on ``-v``."""
    if console.verbose:
        traceback.print_exc()
    console.error(
        RunctlError(
            f"Something unexpected went wrong: {type(error).__name__}: {error}",
            next_step="Repeat with -v for the traceback, and report it. What was made is recorded: "
            "`runctl ls` lists it, `runctl down JOB` removes it.",
        )
    )
    return int(ExitCode.FAILURE)


def _asks_for_json(arguments: list[str]) -> bool:
    """Whether ``--output json`` was given, read by hand since options may be what is wrong."""
    joined = " ".join(arguments)
    return "--output json" in joined or "--output=json" in joined


if __name__ == "__main__":
    main()

"""The general options, accepted before or after the name of the command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import click

from runctl_auto.cli.job_names import JobName

_EPILOG = "--sandbox, --output, --log-format and -v may stand before the command or after it."


def general_options(take: Callable[[click.Context, str, Any], None], *, hidden: bool) -> list[click.Option]:
    """The options; ``take`` receives the name and value of each that was given."""

    def callback(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
        if value and parameter.name is not None:
            take(context, parameter.name, value)
        return value

    common: dict[str, Any] = {"expose_value": False, "is_eager": True, "hidden": hidden, "callback": callback}
    return [
        click.Option(
            ["--sandbox"], is_flag=True, help="Use the sandbox on this machine instead of a cloud.", **common
        ),
        click.Option(["--output"], type=click.Choice(["text", "json"]), help="Format of results.", **common),
        click.Option(
            ["--log-format"],
            type=click.Choice(["text", "json"]),
            help="Format of messages on stderr.",
            **common,
        ),
        click.Option(
            ["-v", "--verbose"],
            is_flag=True,
            help="Show the engine's output and the causes of errors.",
            **common,
        ),
    ]


def accept_after(command: click.Command, take: Callable[[click.Context, str, Any], None]) -> None:
    """Adds the general options to ``command`` and all its subcommands, and shell completion to their argument
    ``job``. Idempotent.
    """
    for leaf in _leaves(command):
        if leaf.epilog == _EPILOG:
            continue
        leaf.epilog = _EPILOG
        for parameter in leaf.params:
            if isinstance(parameter, click.Argument) and parameter.name == "job":
                parameter.type = JobName()
        own = {name for parameter in leaf.params for name in parameter.opts}
        leaf.params.extend(
            option for option in general_options(take, hidden=True) if own.isdisjoint(option.opts)
        )


def _leaves(command: click.Command) -> Iterator[click.Command]:
    if isinstance(command, click.Group):
        for each in command.commands.values():
            yield from _leaves(each)
    else:
        yield command

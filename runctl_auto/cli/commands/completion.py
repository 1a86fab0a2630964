"""``runctl completion``."""

from __future__ import annotations

import click

from runctl_auto.cli.invocation import Invocation

_SHELLS = ("bash", "zsh", "fish")


@click.command(
    help="Print the completion script of SHELL, for commands, options and job names. "
    'bash and zsh: eval "$(runctl completion bash)" in ~/.bashrc or ~/.zshrc. '
    "fish: runctl completion fish > ~/.config/fish/completions/runctl.fish"
)
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"This version of click does not complete in {shell}.")
    script = kind(context.find_root().command, {}, "runctl", "_RUNCTL_COMPLETE").source()
    context.ensure_object(Invocation).console.text(script)

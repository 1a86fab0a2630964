"""Help of commands, made from their declarations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sandbox.engine.cli.command import HELP, Command
from sandbox.engine.cli.flags import Flag, FlagKind

_INTRODUCTION = """\
Pulumi-compatible deployment engine for the sandbox

The most common commands are:

    - pulumi up       : Create or update the resources of a stack
    - pulumi stack    : Manage stacks and show their state
    - pulumi config   : Manage configuration
    - pulumi destroy  : Delete the resources of a stack
"""


def help_text(path: Sequence[Command]) -> str:
    """The help of the last command of `path`."""
    command = path[-1]
    title = " ".join(c.name for c in path)
    parts = [_INTRODUCTION if len(path) == 1 else f"{command.summary}\n", _usage(command, title)]
    parts.extend(_sections(command.subcommands))
    own = [*command.flags, *command.shared, HELP]
    inherited = [flag for above in path[:-1] for flag in above.shared]
    parts.append(_flags("Flags", own))
    if inherited:
        parts.append(_flags("Global Flags", inherited))
    if command.subcommands:
        parts.append(f"Use `{title} [command] --help` for more information about a command.\n")
    return "\n".join(parts)


def _usage(command: Command, title: str) -> str:
    lines = ["Usage:"]
    if command.handler or not command.subcommands:
        lines.append(" ".join(part for part in (f"  {title}", str(command.arguments), "[flags]") if part))
    if command.subcommands:
        lines.append(f"  {title} [command]")
    if command.aliases:
        lines += ["", "Aliases:", "  " + ", ".join((command.name, *command.aliases))]
    return "\n".join(lines) + "\n"


def _sections(commands: Iterable[Command]) -> list[str]:
    sections: dict[str, list[str]] = {}
    for command in commands:
        if command.supported:
            line = f"  {command.name:<21} {command.summary}"
            sections.setdefault(command.section or "Available Commands", []).append(line)
    return [f"{section}:\n" + "\n".join(lines) + "\n" for section, lines in sections.items()]


def _flags(title: str, flags: Iterable[Flag]) -> str:
    shown = sorted((flag for flag in flags if not flag.hidden), key=lambda flag: flag.name)
    heads = [_head(flag) for flag in shown]
    width = max(map(len, heads), default=0)
    lines = [
        f"{head:<{width}}   {flag.summary}{_default(flag)}" for head, flag in zip(heads, shown, strict=True)
    ]
    return f"{title}:\n" + "\n".join(lines) + "\n"


def _head(flag: Flag) -> str:
    short = f"-{flag.short}, " if flag.short else "    "
    kind = {FlagKind.SWITCH: "", FlagKind.OPTIONAL_TEXT: " string[=true]"}.get(
        flag.kind, f" {flag.kind.value}"
    )
    return f"  {short}--{flag.name}{kind}"


def _default(flag: Flag) -> str:
    if not flag.default:
        return ""
    value = str(flag.default).lower() if flag.kind is FlagKind.SWITCH else flag.default
    return f' (default "{value}")' if flag.kind is FlagKind.TEXT else f" (default {value})"

"""Declaration of commands, and finding the one that a command line means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sandbox.engine.cli.errors import ArgumentCountError, UnsupportedError, UsageError
from sandbox.engine.cli.flags import Flag, FlagValues, by_name, switch

HELP = switch("help", "Show help", "h")


@dataclass(frozen=True)
class Arguments:
    """The positional arguments of a command: their names, how many are required, whether more may follow."""

    names: tuple[str, ...] = ()
    required: int = 0
    variadic: bool = False

    def check(self, given: Sequence[str]) -> None:
        """Raises UsageError when there are too few or too many."""
        count, most = len(given), None if self.variadic else len(self.names)
        if self.required <= count and (most is None or count <= most):
            return
        if most == self.required:
            raise ArgumentCountError(f"accepts {most} arg(s), received {count}")
        if count < self.required:
            raise ArgumentCountError(f"requires at least {self.required} arg(s), only received {count}")
        raise ArgumentCountError(f"accepts at most {most} arg(s), received {count}")

    def __str__(self) -> str:
        shown = [
            f"<{name}>" if index < self.required else f"[{name}]" for index, name in enumerate(self.names)
        ]
        if self.variadic and shown:
            shown[-1] += "..."
        return " ".join(shown)


@dataclass(frozen=True)
class Command:
    """A command. `handler` is `module:function` below `sandbox.engine.cli.commands`, imported when it runs.

    `shared` flags are known to its subcommands too. A command without a handler only groups others;
    `supported=False` is refused by name.
    """

    name: str
    summary: str = ""
    handler: str = ""
    flags: tuple[Flag, ...] = ()
    shared: tuple[Flag, ...] = ()
    arguments: Arguments = Arguments()
    subcommands: tuple[Command, ...] = ()
    aliases: tuple[str, ...] = ()
    section: str = ""
    supported: bool = True

    def find(self, name: str) -> Command | None:
        """The subcommand of that name or alias."""
        return next((c for c in self.subcommands if name == c.name or name in c.aliases), None)


def unsupported(*names: str) -> tuple[Command, ...]:
    """Commands of Pulumi's CLI that are refused by name."""
    return tuple(Command(name, supported=False) for name in names)


@dataclass(frozen=True)
class Invocation:
    """A command line understood: the command with those above it, its flags and arguments."""

    path: tuple[Command, ...]
    flags: FlagValues
    arguments: tuple[str, ...]

    @property
    def command(self) -> Command:
        """The command to run."""
        return self.path[-1]

    @property
    def title(self) -> str:
        """The command as a person types it."""
        return " ".join(command.name for command in self.path)


def parse(root: Command, words: Sequence[str]) -> Invocation:
    """Understands a command line. Raises UsageError, or UnsupportedError for what only Pulumi's CLI does."""
    path = _resolve(root, words)
    command = path[-1]
    if not command.supported:
        raise UnsupportedError(f"`{' '.join(c.name for c in path)}`")
    values = FlagValues(by_name(known_flags(path)))
    positionals = list(_scan(values, words))
    arguments = positionals[len(path) - 1 :]
    if not values.on("help"):
        _check(path, values, arguments)
    return Invocation(path, values, tuple(arguments))


def known_flags(path: Sequence[Command]) -> list[Flag]:
    """The flags that the last command of `path` understands."""
    return [flag for command in path for flag in command.shared] + [*path[-1].flags, HELP]


def _resolve(root: Command, words: Sequence[str]) -> tuple[Command, ...]:
    path = [root]
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word == "--":
            break
        elif word.startswith("-") and len(word) > 1:
            skip = _takes_next(word, known_flags(path))
        else:
            found = path[-1].find(word)
            if found is None:
                break
            path.append(found)
    return tuple(path)


def _takes_next(word: str, flags: Sequence[Flag]) -> bool:
    return any(flag.needs_value and word in (f"--{flag.name}", f"-{flag.short}") for flag in flags)


def _scan(values: FlagValues, words: Sequence[str]) -> Iterator[str]:
    shorts = {flag.short: flag for flag in values.declared.values() if flag.short}
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word == "--":
            yield from queue
            return
        if word.startswith("--"):
            _long(values, word, queue)
        elif word.startswith("-") and len(word) > 1:
            _short(values, shorts, word, queue)
        else:
            yield word


def _long(values: FlagValues, word: str, queue: list[str]) -> None:
    name, equals, value = word[2:].partition("=")
    flag = values.declared.get(name)
    if flag is None:
        raise UsageError(f"unknown flag: --{name}")
    if not equals:
        value = _value_of(flag, word, queue)
    values.set(flag, value)


def _short(values: FlagValues, shorts: dict[str, Flag], word: str, queue: list[str]) -> None:
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        flag = shorts.get(letter)
        if flag is None:
            raise UsageError(f"unknown shorthand flag: '{letter}' in {word}")
        if letters.startswith("="):
            values.set(flag, letters[1:])
            return
        if flag.needs_value and letters:
            values.set(flag, letters)
            return
        values.set(flag, _value_of(flag, f"'{letter}' in {word}", queue))


def _value_of(flag: Flag, shown: str, queue: list[str]) -> str:
    if not flag.needs_value:
        return "true"
    if not queue:
        raise UsageError(f"flag needs an argument: {shown}")
    return queue.pop(0)


def _check(path: Sequence[Command], values: FlagValues, arguments: Sequence[str]) -> None:
    command, title = path[-1], " ".join(c.name for c in path)
    for name in values.given:
        if not values.declared[name].supported:
            raise UnsupportedError(f"the flag --{name} of `{title}`")
    if arguments and command.subcommands and not command.arguments.names:
        raise UsageError(f'unknown command "{arguments[0]}" for "{title}"\nRun \'{title} --help\' for usage.')
    if command.handler:
        command.arguments.check(arguments)


__all__ = ["Arguments", "Command", "Invocation", "known_flags", "parse", "unsupported"]

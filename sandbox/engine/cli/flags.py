"""Flags of commands: their declaration and the values given to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from sandbox.engine.cli.errors import UsageError

FlagValue = bool | str | int | tuple[str, ...]


class FlagKind(Enum):
    """What a flag takes."""

    SWITCH = "bool"
    TEXT = "string"
    TEXTS = "stringArray"
    NUMBER = "int"
    OPTIONAL_TEXT = "optional"


@dataclass(frozen=True)
class Flag:
    """One flag. `supported=False`: known in Pulumi's CLI and refused by name; `hidden` keeps it out of help.

    `ignored` flags change nothing that this engine does (tracing, profiling): they are accepted.
    """

    name: str
    kind: FlagKind
    summary: str
    short: str = ""
    supported: bool = True
    hidden: bool = False
    default: FlagValue | None = None

    @property
    def initial(self) -> FlagValue:
        """The value when the flag is not given."""
        if self.default is not None:
            return self.default
        empty: Mapping[FlagKind, FlagValue] = {
            FlagKind.SWITCH: False,
            FlagKind.TEXTS: (),
            FlagKind.NUMBER: 0,
        }
        return empty.get(self.kind, "")

    @property
    def needs_value(self) -> bool:
        """Whether the next argument belongs to the flag."""
        return self.kind in (FlagKind.TEXT, FlagKind.TEXTS, FlagKind.NUMBER)

    def parse(self, text: str, before: FlagValue) -> FlagValue:
        """The flag's value after `text` was given, `before` being the one so far. Raises UsageError."""
        if self.kind is FlagKind.SWITCH:
            return self._switch(text)
        if self.kind is FlagKind.NUMBER:
            return self._number(text)
        if self.kind is FlagKind.TEXTS:
            return (*before, text) if isinstance(before, tuple) else (text,)
        return text

    def _switch(self, text: str) -> bool:
        if text in ("1", "t", "T", "true", "TRUE", "True"):
            return True
        if text in ("0", "f", "F", "false", "FALSE", "False"):
            return False
        raise UsageError(
            f'invalid argument "{text}" for "{self._title()}" flag: strconv.ParseBool: parsing "{text}": '
            "invalid syntax"
        )

    def _number(self, text: str) -> int:
        try:
            return int(text)
        except ValueError:
            raise UsageError(
                f'invalid argument "{text}" for "{self._title()}" flag: strconv.ParseInt: parsing "{text}": '
                "invalid syntax"
            ) from None

    def _title(self) -> str:
        return f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"


def switch(name: str, summary: str, short: str = "", *, default: bool = False) -> Flag:
    """A flag without a value."""
    return Flag(name, FlagKind.SWITCH, summary, short, default=default)


def text(name: str, summary: str, short: str = "", *, default: str = "") -> Flag:
    """A flag with a value."""
    return Flag(name, FlagKind.TEXT, summary, short, default=default)


def texts(name: str, summary: str, short: str = "") -> Flag:
    """A flag with a value that can be given several times."""
    return Flag(name, FlagKind.TEXTS, summary, short)


def number(name: str, summary: str, short: str = "", *, default: int = 0) -> Flag:
    """A flag with a whole number."""
    return Flag(name, FlagKind.NUMBER, summary, short, default=default)


def refused(kind: FlagKind, *names: str) -> tuple[Flag, ...]:
    """Flags of Pulumi's CLI that are refused by name when they are given. A name can be `name/short`."""
    parts = [name.partition("/") for name in names]
    return tuple(Flag(name, kind, "", short, supported=False, hidden=True) for name, _, short in parts)


def hidden(*flags: Flag) -> tuple[Flag, ...]:
    """The flags, kept out of help."""
    return tuple(
        Flag(f.name, f.kind, f.summary, f.short, supported=f.supported, hidden=True, default=f.default)
        for f in flags
    )


@dataclass
class FlagValues:
    """The values of a command's flags, by name; a flag that the command does not have is not given."""

    declared: Mapping[str, Flag]
    given: dict[str, FlagValue] = field(default_factory=dict)
    order: list[tuple[str, str]] = field(default_factory=list)
    """Each flag with its text, in the order in which they were given."""

    def set(self, flag: Flag, value: str) -> None:
        """Takes one occurrence of a flag."""
        self.given[flag.name] = flag.parse(value, self.given.get(flag.name, flag.initial))
        self.order.append((flag.name, value))

    def was_given(self, name: str) -> bool:
        """Whether the flag stands in the command line."""
        return name in self.given

    def on(self, name: str) -> bool:
        """The value of a switch."""
        return bool(self._value(name))

    def text(self, name: str) -> str:
        """The value of a flag with a text, its default when it is not given."""
        return str(self._value(name))

    def texts(self, name: str) -> tuple[str, ...]:
        """All values of a flag that can be repeated."""
        value = self._value(name)
        return value if isinstance(value, tuple) else ()

    def number(self, name: str) -> int:
        """The value of a flag with a number."""
        value = self._value(name)
        return value if isinstance(value, int) else 0

    def _value(self, name: str) -> FlagValue:
        if name in self.given:
            return self.given[name]
        flag = self.declared.get(name)
        return flag.initial if flag is not None else ""


def by_name(flags: Iterable[Flag]) -> dict[str, Flag]:
    """The flags by their names."""
    return {flag.name: flag for flag in flags}

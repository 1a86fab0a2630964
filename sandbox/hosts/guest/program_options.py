"""Command lines of the host's own programs: supported options; all others are rejected by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sandbox.hosts.guest.stand_in import UsageError


@dataclass
class Arguments:
    flags: set[str] = field(default_factory=set)
    values: dict[str, list[str]] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    def has(self, *names: str) -> bool:
        return any(name in self.flags for name in names)

    def value(self, *names: str) -> str | None:
        found = [value for name in names for value in self.values.get(name, ())]
        return found[-1] if found else None


def parse(
    arguments: list[str], flags: Iterable[str], valued: Iterable[str] = (), words_end: bool = False
) -> Arguments:
    """Parse a command line. `flags` and `valued` are option names with their dashes.

    With `words_end`, everything from the first word on is a word. Raises UsageError.
    """
    known, with_value = frozenset(flags), frozenset(valued)
    found, rest = Arguments(), list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--" or (words_end and not word.startswith("-")):
            found.words += rest if word == "--" else [word, *rest]
            break
        if not word.startswith("-") or word == "-":
            found.words.append(word)
        elif word.startswith("--"):
            _long(word, rest, known, with_value, found)
        else:
            _short(word, rest, known, with_value, found)
    return found


def _long(
    word: str, rest: list[str], known: frozenset[str], valued: frozenset[str], found: Arguments
) -> None:
    name, sign, value = word.partition("=")
    if name in valued:
        found.values.setdefault(name, []).append(value if sign else _next(name, rest))
    elif name in known and not sign:
        found.flags.add(name)
    else:
        raise UsageError(f"the option '{name}' is not supported by sandbox hosts")


def _short(
    word: str, rest: list[str], known: frozenset[str], valued: frozenset[str], found: Arguments
) -> None:
    letters = word[1:]
    while letters:
        name, letters = f"-{letters[0]}", letters[1:]
        if name in valued:
            found.values.setdefault(name, []).append(letters or _next(name, rest))
            return
        if name not in known:
            raise UsageError(f"the option '{name}' is not supported by sandbox hosts")
        found.flags.add(name)


def _next(name: str, rest: list[str]) -> str:
    if not rest:
        raise UsageError(f"the option '{name}' needs a value")
    return rest.pop(0)

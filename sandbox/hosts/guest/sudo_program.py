"""`sudo`: the caller already is root on the host."""

from __future__ import annotations

import os

from sandbox.hosts.guest.program_options import parse
from sandbox.hosts.guest.stand_in import UsageError


def main(_name: str, arguments: list[str]) -> int:
    found = parse(arguments, ("-E", "-n", "-H", "-S", "-k"), ("-u", "--user"), words_end=True)
    if found.value("-u", "--user") not in (None, "root"):
        raise UsageError("only the user root exists on sandbox hosts")
    environment = dict(os.environ)
    words = list(found.words)
    while words and "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        environment[name] = value
    if not words:
        raise UsageError("give a command")
    try:
        os.execvpe(words[0], words, environment)  # noqa: S606 - runs the given command
    except FileNotFoundError:
        raise UsageError(f"{words[0]}: command not found") from None

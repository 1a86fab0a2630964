"""Values of systemd unit files: time spans, calendar times, command lines, environments, booleans."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

INFINITY = float("inf")

_UNITS = {
    "us": 1e-6, "usec": 1e-6, "ms": 1e-3, "msec": 1e-3,
    "": 1.0, "s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0,
    "m": 60.0, "min": 60.0, "minute": 60.0, "minutes": 60.0,
    "h": 3600.0, "hr": 3600.0, "hour": 3600.0, "hours": 3600.0,
    "d": 86400.0, "day": 86400.0, "days": 86400.0, "w": 604800.0, "week": 604800.0, "weeks": 604800.0,
}  # fmt: skip
_SPAN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*")
_CALENDAR = re.compile(
    r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\s+)?"
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?(?:\s*(?:utc|z))?",
    re.IGNORECASE,
)
_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")


class ValueRefusedError(ValueError):
    """The value is invalid or not supported by hosts."""


def time_span(text: str) -> float:
    """Seconds of a systemd time span such as `90`, `5min 20s`, `infinity`."""
    text = text.strip()
    if text == "infinity":
        return INFINITY
    total, position = 0.0, 0
    while position < len(text):
        found = _SPAN.match(text, position)
        if not found or found.group(2) not in _UNITS:
            raise ValueRefusedError(f"not a time span: {text!r}")
        total += float(found.group(1)) * _UNITS[found.group(2)]
        position = found.end()
    if not text:
        raise ValueRefusedError("an empty time span")
    return total


def calendar_time(text: str) -> float:
    """Unix time of an absolute OnCalendar value (UTC, like the hosts' clock)."""
    text = text.strip()
    if re.fullmatch(r"@\d+(\.\d+)?", text):
        return float(text[1:])
    found = _CALENDAR.fullmatch(text)
    if not found:
        raise ValueRefusedError(
            f"only absolute times such as '2026-01-31 12:00:00 UTC' are supported: {text!r}"
        )
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc).timestamp()
    except ValueError as error:
        raise ValueRefusedError(f"not a date: {text!r} ({error})") from error


def truth(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in ("1", "yes", "true", "on", "y", "t"):
        return True
    if lowered in ("0", "no", "false", "off", "n", "f"):
        return False
    raise ValueRefusedError(f"not a boolean: {text!r}")


@dataclass(frozen=True)
class Command:
    """One Exec line: its words before expansion, and whether its failure is ignored (`-`)."""

    words: tuple[str, ...]
    ignore_failure: bool = False
    expand: bool = True

    def arguments(self, environment: Mapping[str, str]) -> list[str]:
        """The words with `$VAR` (split at spaces when it is a whole word) and `${VAR}` expanded."""
        if not self.expand:
            return list(self.words)
        arguments: list[str] = []
        for word in self.words:
            whole = re.fullmatch(r"\$(\w+)", word)
            if whole:
                arguments.extend(environment.get(whole.group(1), "").split())
            else:
                arguments.append(_expand(word, environment))
        return arguments


def _expand(word: str, environment: Mapping[str, str]) -> str:
    kept = word.replace("$$", "\0")
    kept = _VARIABLE.sub(lambda m: environment.get(m.group(1) or m.group(2), ""), kept)
    return kept.replace("\0", "$")


def command(text: str) -> Command:
    """Parse an Exec line; the prefixes `-`, `:` and the privilege ones (no effect here) are allowed."""
    ignore, expand = False, True
    text = text.strip()
    while text[:1] in ("-", "+", "!", ":"):
        ignore = ignore or text[0] == "-"
        expand = expand and text[0] != ":"
        text = text[1:].lstrip()
    if text.startswith("@"):
        raise ValueRefusedError("the prefix '@' of a command is not supported")
    words = _words(text)
    if not words:
        raise ValueRefusedError("an empty command")
    if ";" in words:
        raise ValueRefusedError("several commands in one line (';') are not supported")
    return Command(tuple(words), ignore, expand)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ValueRefusedError(f"{error}: {text!r}") from error


def assignments(text: str) -> dict[str, str]:
    """`Environment=`: words of the form NAME=value."""
    found: dict[str, str] = {}
    for word in _words(text):
        name, sign, value = word.partition("=")
        if not sign or not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise ValueRefusedError(f"not an assignment: {word!r}")
        found[name] = value
    return found


def environment_file(text: str) -> dict[str, str]:
    """The content of an EnvironmentFile; lines without an assignment are skipped, as in systemd."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        stripped = line.strip()
        name, sign, value = stripped.partition("=")
        if stripped[:1] in ("#", ";") or not sign or not re.fullmatch(r"[A-Za-z_]\w*", name.strip()):
            continue
        value = value.strip()
        quoted: str | None = value[0] if value[:1] in ("'", '"') else None
        if quoted and value.endswith(quoted) and len(value) > 1:
            value = value[1:-1]
            if quoted == '"':
                value = re.sub(r'\\(["\\$`])', r"\1", value)
        found[name.strip()] = value
    return found

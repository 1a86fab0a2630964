"""Reads JSON that a machine may have written: bounded, and each value checked before it is used.

A machine, and all that its job starts there, can write any bytes to the objects of its role. Whoever reads
them, on the machine that comes next or at home, uses these functions: they raise UnreadableError, and nothing
else, whatever the bytes are.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

T = TypeVar("T")

MOST_DEPTH = 8
MOST_NAME_BYTES = 255
MOST_PATH_BYTES = 4096
MOST_NUMBER = 2**63 - 1
FIRST_YEAR, LAST_YEAR = 1970, 2999
MOST_ENTRY_CHARACTERS = 1024 * 1024
"""Of one entry of a list or an object that is read entry by entry."""
_USUAL_ENTRY_CHARACTERS = 2048
_SHOWN = 60

Check = Callable[[object], T]
"""Returns a value as what it must be. Raises UnreadableError for any other."""


class UnreadableError(ValueError):
    """Bytes, or a value in them, that are not what they must be."""


class Fields:
    """The members of a JSON object; others than those that are asked for do not count."""

    def __init__(self, value: object) -> None:
        if not isinstance(value, dict):
            raise _no(value, "an object")
        self.members: Mapping[str, Any] = value

    def needed(self, name: str, check: Check[T]) -> T:
        if name not in self.members:
            raise UnreadableError(f"{name} is missing")
        return self._checked(name, self.members[name], check)

    def given(self, name: str, check: Check[T]) -> T | None:
        """None if it is absent or null."""
        value = self.members.get(name)
        return None if value is None else self._checked(name, value, check)

    def each(self, name: str, check: Check[T], at_most: int) -> list[T]:
        """The elements of a list; none if it is absent or null."""
        value = self.members.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise _no(value, "a list", name)
        if len(value) > at_most:
            raise UnreadableError(f"{name} has {len(value)} entries, and at most {at_most} are possible")
        return [self._checked(name, each, check) for each in value]

    def pairs(self, name: str, key: Check[str], check: Check[T], at_most: int) -> dict[str, T]:
        """The members of an object; none if it is absent or null."""
        value = self.members.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise _no(value, "an object", name)
        if len(value) > at_most:
            raise UnreadableError(f"{name} has {len(value)} entries, and at most {at_most} are possible")
        return {
            self._checked(name, each, key): self._checked(name, found, check) for each, found in value.items()
        }

    @staticmethod
    def _checked(name: str, value: object, check: Check[T]) -> T:
        try:
            return check(value)
        except UnreadableError as error:
            raise UnreadableError(f"{name}: {error}") from None


def read_object(content: bytes, at_most: int) -> Fields:
    """The object that `content` is, of no more than `at_most` bytes."""
    try:
        found = _DECODER.decode(_text(content, at_most))
    except UnreadableError:
        raise
    except RecursionError:
        raise UnreadableError("it is nested too deeply") from None
    except ValueError as error:
        raise UnreadableError(f"it is no JSON: {error}") from None
    _refuse_deep(found)
    return Fields(found)


class Elements(Iterator[Any]):
    """The elements of a list, each read when it is asked for."""

    def __init__(self, found: Iterator[Any]) -> None:
        self._found = found

    def __next__(self) -> Any:
        return next(self._found)


class Pairs(Elements):
    """The members of an object, each read when it is asked for."""


def read_members(content: bytes, at_most: int) -> Iterator[tuple[str, Any]]:
    """The members of the object that `content` is, of no more than `at_most` bytes, one after the other.

    A list comes as `Elements`, an object as `Pairs`, so that a large document is never in memory as a whole;
    they end when the next member is asked for.
    """
    return _Members(_text(content, at_most)).read()


def text(at_most: int) -> Check[str]:
    """A text for people: what is longer is cut; halves of surrogate pairs are escaped."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            raise _no(value, "a text")
        return encodable(cut(value, at_most))

    return check


def matching(pattern: str) -> Check[str]:
    """A text that matches as a whole."""
    compiled = re.compile(pattern)

    def check(value: object) -> str:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise _no(value, f"what {pattern} matches")
        return value

    return check


def one_of(known: Collection[str]) -> Check[str]:
    def check(value: object) -> str:
        if not isinstance(value, str) or value not in known:
            raise _no(value, f"one of {', '.join(sorted(known))}")
        return value

    return check


def whole(least: int = 0, most: int = MOST_NUMBER) -> Check[int]:
    """A whole number in this range."""

    def check(value: object) -> int:
        if type(value) is not int or not least <= value <= most:
            raise _no(value, f"a whole number from {least} to {most}")
        return value

    return check


def number(least: float, most: float) -> Check[float]:
    """A finite number in this range."""

    def check(value: object) -> float:
        if type(value) not in (int, float) or not least <= value <= most:  # type: ignore[operator]
            raise _no(value, f"a number from {least:g} to {most:g}")
        return float(value)  # type: ignore[arg-type]

    return check


def moment(value: object) -> str:
    """An RFC 3339 time with its zone, as one in UTC with whole milliseconds: what is told is read again."""
    found = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise _no(value, _A_TIME)
    try:
        local = datetime.fromisoformat(found["local"]).replace(tzinfo=timezone.utc)
    except ValueError:
        raise _no(value, _A_TIME) from None
    ahead = timedelta(hours=int(found["hours"] or 0), minutes=int(found["minutes"] or 0))
    utc = local + ahead if found["sign"] == "-" else local - ahead
    if not FIRST_YEAR <= utc.year <= LAST_YEAR:
        raise _no(value, _A_TIME)
    fraction = f".{found['fraction'][:3]:<03}" if found["fraction"] else ""
    return f"{utc:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def plain_path(value: object) -> str:
    """A path inside its folder: names separated by single slashes, each of which a file system can hold."""
    if not isinstance(value, str):
        raise _no(value, "a path")
    names = value.split("/")
    if "\0" in value or any(name in ("", ".", "..") for name in names):
        raise UnreadableError(f"{_short(value)} is not a path inside the work folder")
    try:
        sizes = [len(name.encode()) for name in names]
    except UnicodeEncodeError:
        raise UnreadableError(f"{_short(value)} is not a path that can be encoded") from None
    if max(sizes) > MOST_NAME_BYTES or sum(sizes) + len(sizes) > MOST_PATH_BYTES:
        raise UnreadableError(f"{_short(value)} is a path that is too long")
    return value


def cut(value: str, at_most: int) -> str:
    """The text, or its beginning and three dots."""
    return value if len(value) <= at_most else f"{value[: at_most - 3]}..."


def encodable(value: str) -> str:
    """The text with halves of surrogate pairs escaped."""
    return value.encode("utf-8", "backslashreplace").decode()


def _text(content: bytes, at_most: int) -> str:
    if len(content) > at_most:
        raise UnreadableError(f"it is larger than {at_most} bytes")
    try:
        return content.decode("ascii")  # as all writers write it; one character of four bytes widens all
    except UnicodeDecodeError:
        raise UnreadableError("it holds bytes that are not ASCII") from None


def _refuse_deep(value: object) -> None:
    level = [value]
    for _ in range(MOST_DEPTH):
        level = [
            each
            for parent in level
            if isinstance(parent, (dict, list))
            for each in (parent.values() if isinstance(parent, dict) else parent)
        ]
    if level:
        raise UnreadableError("it is nested too deeply")


def _whole(digits: str) -> int:
    if len(digits) > len(str(MOST_NUMBER)) + 1:
        raise UnreadableError("it holds a number of too many digits")
    return int(digits)


def _finite(digits: str) -> float:
    found = float(digits)
    if not math.isfinite(found):
        raise UnreadableError("it holds a number that is too large")
    return found


def _no_number(name: str) -> float:
    raise UnreadableError(f"it holds {name}")


def _no(value: object, wanted: str, name: str = "") -> UnreadableError:
    return UnreadableError(
        f"{name}: {_short(value)} is not {wanted}" if name else f"{_short(value)} is not {wanted}"
    )


def _short(value: object) -> str:
    if isinstance(value, (dict, list)):
        return "a list" if isinstance(value, list) else "an object"
    return cut(ascii(value[:_SHOWN] if isinstance(value, str) else value), _SHOWN)


class _Members:
    """Reads an object member by member."""

    def __init__(self, document: str) -> None:
        self._text = document
        self._at = 0

    def read(self) -> Iterator[tuple[str, Any]]:
        self._expect("{")
        for name in self._names("}"):
            if self._takes("["):
                entries = Elements(self._value() for _ in self._entries("]"))
            elif self._takes("{"):
                entries = Pairs((each, self._value()) for each in self._names("}"))
            else:
                yield name, self._value()
                continue
            yield name, entries
            for _ in entries:
                pass
        self._skip()
        if self._at < len(self._text):
            raise UnreadableError("something follows its end")

    def _names(self, end: str) -> Iterator[str]:
        for _ in self._entries(end):
            name = self._value()
            if not isinstance(name, str):
                raise UnreadableError("it is no JSON: a member has no name")
            self._expect(":")
            yield name

    def _entries(self, end: str) -> Iterator[None]:
        """Stands at the beginning of an entry, as often as there is one."""
        if self._takes(end):
            return
        while True:
            yield
            if self._takes(end):
                return
            self._expect(",")

    def _value(self) -> Any:
        self._skip()
        for size in (_USUAL_ENTRY_CHARACTERS, MOST_ENTRY_CHARACTERS):
            piece = self._text[self._at : self._at + size]
            is_rest = self._at + size >= len(self._text)
            try:
                found, length = _DECODER.raw_decode(piece)
            except UnreadableError:
                if is_rest or size == MOST_ENTRY_CHARACTERS:
                    raise
            except RecursionError:
                raise UnreadableError("it is nested too deeply") from None
            except ValueError as error:
                if is_rest:
                    raise UnreadableError(f"it is no JSON: {error}") from None
            else:
                if length < len(piece) or is_rest:  # else a number may go on
                    self._at += length
                    _refuse_deep(found)
                    return found
        raise UnreadableError(f"it has an entry of more than {MOST_ENTRY_CHARACTERS} characters")

    def _takes(self, sign: str) -> bool:
        self._skip()
        if not self._text.startswith(sign, self._at):
            return False
        self._at += len(sign)
        return True

    def _expect(self, sign: str) -> None:
        if not self._takes(sign):
            raise UnreadableError(f"it is no JSON: {sign!r} is missing at character {self._at}")

    def _skip(self) -> None:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at


_DECODER = json.JSONDecoder(parse_int=_whole, parse_float=_finite, parse_constant=_no_number)
_SPACE = re.compile(r"[ \t\n\r]*")
_A_TIME = "an RFC 3339 time with its zone"
_MOMENT = re.compile(
    r"(?P<local>(?:19[7-9]|20\d|2[1-9]\d)\d-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d{1,9}))?"
    r"(?:Z|(?P<sign>[+-])(?P<hours>[01]\d|2[0-3]):(?P<minutes>[0-5]\d))",
    re.ASCII,
)

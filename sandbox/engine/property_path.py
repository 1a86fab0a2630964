"""Paths into property values, as in `ignoreChanges`: `root.nested["a.b"][0].*`."""

from __future__ import annotations

from sandbox.engine.properties import PropertyMap, PropertyValue, Secret

Key = str | int
Path = tuple[Key, ...]


class PathError(ValueError):
    """A text is no property path; the message says why."""


def parse(text: str) -> Path:
    """The keys of a path; a `*` stands for every key or index."""
    keys: list[Key] = []
    rest = text
    if rest.startswith("."):
        raise PathError("expected property path to start with a name or index")
    while rest:
        if rest[0] == ".":
            rest = rest[1:]
            if not rest:
                raise PathError("expected property path to end with a name or index")
        elif rest[0] == "[":
            key, rest = _bracket(rest)
            keys.append(key)
        else:
            end = min((i for i in (rest.find("."), rest.find("[")) if i >= 0), default=len(rest))
            keys.append(rest[:end])
            rest = rest[end:]
    return tuple(keys)


def _bracket(rest: str) -> tuple[Key, str]:
    if rest.startswith('["'):
        return _quoted(rest)
    end = rest.find("]")
    if end < 0:
        raise PathError("missing closing bracket in array index")
    segment = rest[1:end]
    if segment == "*":
        return "*", rest[end + 1 :]
    try:
        return int(segment), rest[end + 1 :]
    except ValueError as error:
        raise PathError(f"invalid array index: {segment}") from error


def _quoted(rest: str) -> tuple[str, str]:
    characters: list[str] = []
    i = 2
    while True:
        if i >= len(rest):
            raise PathError("missing closing quote in property name")
        if rest[i] == '"':
            break
        if rest[i] == "\\" and rest[i + 1 : i + 2] == '"':
            i += 1
        characters.append(rest[i])
        i += 1
    if rest[i + 1 : i + 2] != "]":
        raise PathError("missing closing bracket in property access")
    return "".join(characters), rest[i + 2 :]


def contains(outer: Path, inner: Path) -> bool:
    """Whether `inner` is `outer` or below it."""
    return len(inner) >= len(outer) and all(
        a == "*" or (type(a) is type(b) and a == b) for a, b in zip(outer, inner, strict=False)
    )


def reset(path: Path, old: PropertyMap, new: PropertyMap) -> bool:
    """Sets the values of `new` at the path back to those of `old`, in place.

    Returns False when that cannot be done because an element was added or removed.
    """
    return _reset(path, old, new, False, False)


def _open(value: PropertyValue, secret: bool) -> tuple[PropertyValue, bool]:
    while isinstance(value, Secret):
        value, secret = value.value, True
    return value, secret


def _reset(  # noqa: PLR0911 - a case analysis
    path: Path, old: PropertyValue, new: PropertyValue, old_secret: bool, new_secret: bool
) -> bool:
    if not path:
        return False
    old, old_secret = _open(old, old_secret)
    new, new_secret = _open(new, new_secret)
    mark = old_secret and not new_secret
    key, rest = path[0], path[1:]
    if key == "*":
        return _reset_all(rest, old, new, old_secret, new_secret)
    if isinstance(key, int):
        return _reset_index(key, rest, old, new, old_secret, new_secret)
    if not rest:
        if isinstance(old, dict) and key in old:
            if not isinstance(new, dict):
                return False
            new[key] = Secret(old[key]) if mark else old[key]
        elif isinstance(new, dict):
            new.pop(key, None)
        return True
    has_old = isinstance(old, dict) and key in old
    has_new = isinstance(new, dict) and key in new
    if not has_old and not has_new:
        return True
    if has_old and has_new:
        return _reset(rest, old[key], new[key], old_secret, new_secret)
    return False


def _reset_index(  # noqa: PLR0917 - the state of a walk over two values
    key: int, rest: Path, old: PropertyValue, new: PropertyValue, old_secret: bool, new_secret: bool
) -> bool:
    if key < 0:
        return False
    if not isinstance(old, list) or not isinstance(new, list):
        return not isinstance(old, list) and not isinstance(new, list)
    if key >= len(old) or key >= len(new):
        return not rest and key >= len(old) and key >= len(new)
    if rest:
        return _reset(rest, old[key], new[key], old_secret, new_secret)
    new[key] = Secret(old[key]) if old_secret and not new_secret else old[key]
    return True


def _reset_all(
    rest: Path, old: PropertyValue, new: PropertyValue, old_secret: bool, new_secret: bool
) -> bool:
    if isinstance(new, dict) and isinstance(old, dict):
        if rest:
            return all(
                key in new and _reset(rest, value, new[key], old_secret, new_secret)
                for key, value in old.items()
            )
        mark = old_secret and not new_secret
        new.clear()
        new.update({key: Secret(value) if mark else value for key, value in old.items()})
        return True
    if isinstance(new, list) and isinstance(old, list):
        pairs = list(zip(old, new, strict=False))
        if rest:
            done = all(_reset(rest, a, b, old_secret, new_secret) for a, b in pairs)
            return done and len(old) == len(new)
        mark = old_secret and not new_secret
        for i, (value, _) in enumerate(pairs):
            new[i] = Secret(value) if mark else value
        return len(old) == len(new)
    return not rest and isinstance(new, (dict, list))

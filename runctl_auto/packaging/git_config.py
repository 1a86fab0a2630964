"""Reads the few settings of git that decide what it takes, without git: ``section.key`` to value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from runctl_auto.local.plain_file import NotAPlainFileError, read_plain_file

MAX_BYTES = 1 << 20
_SECTION = re.compile(r'\s*\[\s*([A-Za-z0-9.-]+)\s*(?:"((?:\\.|[^"\\])*)")?\s*\]\s*(.*)', re.DOTALL)
_SETTING = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*)\s*(?:=\s*(.*))?", re.DOTALL)
_MOST_INCLUDES = 10
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b"}


def read_git_config(path: Path, home: Path, *, depth: int = 0) -> dict[str, str]:
    """The settings at ``path`` and of what it includes; empty when it cannot be read.

    A section's name in quotes is part of the key: ``remote.origin.url``. Conditional includes are left out.
    """
    try:
        text = read_plain_file(path, MAX_BYTES).decode("utf-8", "surrogateescape")
    except NotAPlainFileError:
        return {}
    found: dict[str, str] = {}
    section: str | None = None
    for line in text.removeprefix("\ufeff").replace("\\\r\n", "").replace("\\\n", "").split("\n"):
        heading = _SECTION.match(line)
        rest = heading[3] if heading else line
        if heading:
            section = heading[1].lower() + ("" if heading[2] is None else f".{heading[2]}")
        setting = _SETTING.match(rest)
        if setting is None or section is None:
            continue
        key, value = f"{section}.{setting[1].lower()}", _value(setting[2])
        if key == "include.path":
            if depth < _MOST_INCLUDES:
                included = path.parent / expanded(value, home)
                found.update(read_git_config(included, home, depth=depth + 1))
        else:
            found[key] = value
    return found


def global_settings(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    """The settings of the system and the person."""
    if "GIT_CONFIG_GLOBAL" in environ:
        files = [Path(environ["GIT_CONFIG_GLOBAL"])]
    else:
        files = [config_folder(environ, home) / "config", home / ".gitconfig"]
    if not environ.get("GIT_CONFIG_NOSYSTEM"):
        files.insert(0, Path(environ.get("GIT_CONFIG_SYSTEM", "/etc/gitconfig")))
    settings: dict[str, str] = {}
    for file in files:
        settings.update(read_git_config(file, home))
    return settings


def config_folder(environ: Mapping[str, str], home: Path) -> Path:
    """Where git keeps the person's own files, such as ``ignore``."""
    return Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "git"


def expanded(path: str, home: Path) -> Path:
    """``path`` with ``~`` as the person's home."""
    return home / path[2:] if path.startswith("~/") else Path(path)


def _value(written: str | None) -> str:
    """A value without quotes, comments and the spaces around it; ``true`` for a key alone."""
    if written is None:
        return "true"
    value, spaces, is_quoted = "", "", False
    signs = iter(written)
    for sign in signs:
        if sign == '"':
            is_quoted = not is_quoted
        elif sign in "#;" and not is_quoted:
            break
        elif sign.isspace() and not is_quoted:
            spaces += sign
            continue
        else:
            following = next(signs, "") if sign == "\\" else ""
            value += spaces + (_ESCAPES.get(following, following) if sign == "\\" else sign)
            spaces = ""
    return value

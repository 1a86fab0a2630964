"""Environment variables: which become ``env``, which ``secrets``, and the names that another tool sets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from runctl_auto.job_file.conversion.draft import Draft
from runctl_auto.job_file.plain_values import Location

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET = re.compile(
    r"(^|_)(TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS|(API|ACCESS|PRIVATE|SECRET)_KEY)$", re.I
)
_REFERENCE = re.compile(r"\$\{(\w+)\}|\$(\w+)")
_STORED = re.compile(r"\s*\$\{\{.*\}\}\s*")

GPUS_HERE = "$(nvidia-smi -L | wc -l)"


def take_variables(draft: Draft, values: object, place: Location, *, all_secret: bool = False) -> None:
    """Adds the variables at ``place`` of the source, a mapping or a list, to ``env`` and ``secrets``.

    A variable without a value comes from the caller's environment, which only a secret does. A value that
    looks like a secret is left out: a job file holds none.
    """
    env: dict[str, str] = draft.fields.setdefault("env", {})
    secrets: list[str] = draft.fields.setdefault("secrets", [])
    for name, value, location in _pairs(draft, values, place):
        if not _NAME.fullmatch(name) or name.startswith("RUNCTL_"):
            draft.remark(location, "is not the name of a variable that a job may set")
        elif value is None:
            secrets.append(name)
            if not all_secret and not _SECRET.search(name):
                draft.remark(
                    location, "has no value: it comes from the environment of `runctl up`, as a secret"
                )
        elif all_secret or _SECRET.search(name) or _STORED.fullmatch(value):
            secrets.append(name)
            draft.remark(location, "its value was left out: export it before `runctl up`")
        else:
            env[name] = value
    draft.fields["secrets"] = list(dict.fromkeys(name for name in secrets if name not in env))
    for name in ("env", "secrets"):
        if not draft.fields[name]:
            del draft.fields[name]


def substituted(text: str, draft: Draft) -> str:
    """``text`` with references to variables whose values are known; others stay."""
    env: Mapping[str, str] = draft.fields.get("env", {})
    return _REFERENCE.sub(lambda found: env.get(found[1] or found[2], found[0]), text)


def has_reference(text: str) -> bool:
    """Whether ``text`` refers to a variable."""
    return _REFERENCE.search(text) is not None


def exports(scripts: Iterable[str], names: Mapping[str, str]) -> list[str]:
    """Lines that set those of ``names`` (variable to value in shell) that the scripts use."""
    text = "\n".join(scripts)
    return [f"export {name}={value}" for name, value in names.items() if re.search(rf"\b{name}\b", text)]


def _pairs(draft: Draft, values: object, place: Location) -> Iterator[tuple[str, str | None, Location]]:
    if isinstance(values, Mapping):
        for name, value in values.items():
            location = (*place, str(name))
            yield str(name), _as_text(draft, value, location), location
    elif isinstance(values, list):
        for index, item in enumerate(values):
            location = (*place, index)
            name, equals, value = str(item).partition("=")
            yield name.strip(), value if equals else None, location


def _as_text(draft: Draft, value: Any, location: Location) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return draft.written(location) or str(value)

"""What a role's policies allow a service to do, as far as the sandbox needs: trust, and one action. Pure.

An unsupported condition never holds, so that nothing is allowed by a condition that is not understood.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

_EXACT = frozenset({"StringEquals", "ArnEquals"})
_LIKE = frozenset({"StringLike", "ArnLike"})
_PARTS = re.compile(r"(\$\{[*?$]\}|[*?])")
_PATTERNS = {"*": ".*", "?": "."}
_LITERALS = frozenset({"${*}", "${?}", "${$}"})

_OF_ALL = "ForAllValues:"
"""Prefix of operators that all values of a key must meet, also when there are none."""

Document = Mapping[str, Any] | str
Context = Mapping[str, str | tuple[str, ...]]
"""Condition keys of a request; one with several values has a tuple."""


def trusts(document: Document, service: str, context: Mapping[str, str]) -> bool:
    """Whether the trust policy lets ``service`` assume the role; ``context`` has the condition keys."""
    return any(
        _names("sts:AssumeRole", statement.get("Action"))
        and service in _listed(_mapping(statement.get("Principal")).get("Service"))
        and _met(statement.get("Condition"), context)
        for statement in _allowing(document)
    )


def permits(
    documents: Iterable[Document], action: str, resource: str, context: Context | None = None
) -> bool:
    """Whether one of the permissions allows ``action`` on the ARN ``resource`` and none denies it.

    ``context`` has the condition keys. A denial is taken in its widest sense: as if its condition were met,
    and ``NotAction`` and ``NotResource`` left nothing out.
    """
    every = [statement for document in documents for statement in _statements(document)]
    concerned = [
        statement
        for statement in every
        if _concerns(statement, "Action", _names(action, statement.get("Action")))
        and _concerns(statement, "Resource", _covers(statement.get("Resource"), resource))
    ]
    if any(statement.get("Effect") == "Deny" for statement in concerned):
        return False
    return any(
        statement.get("Effect") == "Allow" and _met(statement.get("Condition"), context or {})
        for statement in concerned
    )


def allows_action(documents: Iterable[Document], action: str) -> bool:
    """Whether one of the permissions allows ``action`` on anything, and none denies it on everything.

    For calls whose resources are not told apart: conditions are taken as met.
    """
    every = [statement for document in documents for statement in _statements(document)]
    concerned = [statement for statement in every if _names(action, statement.get("Action"))]
    denied = any(
        statement.get("Effect") == "Deny" and "*" in _listed(statement.get("Resource"))
        for statement in concerned
    )
    return not denied and any(statement.get("Effect") == "Allow" for statement in concerned)


def _concerns(statement: Mapping[str, Any], element: str, is_named: bool) -> bool:
    return is_named or (statement.get("Effect") == "Deny" and f"Not{element}" in statement)


def _statements(document: Document) -> list[Mapping[str, Any]]:
    content = json.loads(document) if isinstance(document, str) else document
    return [each for each in _listed(content.get("Statement")) if isinstance(each, Mapping)]


def _allowing(document: Document) -> list[Mapping[str, Any]]:
    return [each for each in _statements(document) if each.get("Effect") == "Allow"]


def _met(condition: object, context: Context) -> bool:
    return all(
        _holds(operator, context.get(key), _listed(values))
        for operator, tests in _mapping(condition).items()
        for key, values in _mapping(tests).items()
    )


def _holds(operator: str, found: str | tuple[str, ...] | None, wanted: list[Any]) -> bool:
    if operator.startswith(_OF_ALL):
        single = operator.removeprefix(_OF_ALL)
        values = (found,) if isinstance(found, str) else found or ()
        return single in _EXACT | _LIKE and all(_compares(single, each, wanted) for each in values)
    return isinstance(found, str) and _compares(operator, found, wanted)


def _compares(operator: str, value: str, wanted: list[Any]) -> bool:
    if operator in _EXACT:
        return value in wanted
    return operator in _LIKE and any(_is_like(value, str(each)) for each in wanted)


def _names(action: str, patterns: object) -> bool:
    """Whether a pattern stands for the action; the case of letters does not count."""
    return any(_is_like(action.lower(), str(each).lower()) for each in _listed(patterns))


def _covers(patterns: object, resource: str) -> bool:
    return any(_is_like(resource, str(each)) for each in _listed(patterns))


def _is_like(value: str, pattern: str) -> bool:
    """`*` and `?` stand for any characters and one character, unless written as `${*}` and `${?}`."""
    parts = (_PATTERNS.get(part) or re.escape(part[2:-1] if part in _LITERALS else part)
             for part in _PARTS.split(pattern))  # fmt: skip
    return re.fullmatch("".join(parts), value, re.DOTALL) is not None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _listed(value: object) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]

"""What a role's policies allow a service to do, as far as the sandbox needs: trust, and one action. Pure.

An unsupported condition never holds, so that nothing is allowed by a condition that is not understood.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

_EXACT = frozenset({"StringEquals", "ArnEquals"})
_LIKE = frozenset({"StringLike", "ArnLike"})

Document = Mapping[str, Any] | str


def trusts(document: Document, service: str, context: Mapping[str, str]) -> bool:
    """Whether the trust policy lets ``service`` assume the role; ``context`` has the condition keys."""
    return any(
        _matches("sts:AssumeRole", statement.get("Action"))
        and service in _listed(_mapping(statement.get("Principal")).get("Service"))
        and _met(statement.get("Condition"), context)
        for statement in _allowing(document)
    )


def permits(documents: Iterable[Document], action: str, resource: str) -> bool:
    """Whether one of the permissions allows ``action`` on the ARN ``resource`` and none denies it."""
    every = [statement for document in documents for statement in _statements(document)]
    concerned = [
        statement
        for statement in every
        if _matches(action, statement.get("Action")) and _matches(resource, statement.get("Resource"))
    ]
    if any(statement.get("Effect") == "Deny" for statement in concerned):
        return False
    return any(
        statement.get("Effect") == "Allow" and _met(statement.get("Condition"), {}) for statement in concerned
    )


def _statements(document: Document) -> list[Mapping[str, Any]]:
    content = json.loads(document) if isinstance(document, str) else document
    return [each for each in _listed(content.get("Statement")) if isinstance(each, Mapping)]


def _allowing(document: Document) -> list[Mapping[str, Any]]:
    return [each for each in _statements(document) if each.get("Effect") == "Allow"]


def _met(condition: object, context: Mapping[str, str]) -> bool:
    return all(
        key in context and _compares(operator, context[key], _listed(values))
        for operator, tests in _mapping(condition).items()
        for key, values in _mapping(tests).items()
    )


def _compares(operator: str, value: str, wanted: list[Any]) -> bool:
    if operator in _EXACT:
        return value in wanted
    return operator in _LIKE and any(fnmatchcase(value, str(each)) for each in wanted)


def _matches(name: str, patterns: object) -> bool:
    return any(fnmatchcase(name.lower(), str(each).lower()) for each in _listed(patterns))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _listed(value: object) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]

"""``policies.yaml`` of a project: how strictly each rule is held, and what the project allows."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from policies.rule import Rule
from policies.rules import LATER, RULES, STACK_RULES
from runctl_auto.errors import FieldProblem, JobFileError, SettingsError
from runctl_auto.job_file.document import JobDocument, read_job_document

LEVEL = "enforcementLevel"
_LEVELS = ("mandatory", "advisory", "disabled")

PolicyConfig = Mapping[str, Mapping[str, Any]]
"""By rule: ``enforcementLevel`` and the rule's own settings, as Pulumi reads it from JSON."""


def read_project_policies(file: Path) -> PolicyConfig:
    """What ``file`` says; nothing when there is no such file. Raises SettingsError with all that is wrong."""
    if not os.path.lexists(file):
        return {}
    try:
        document = read_job_document(file)
    except JobFileError as error:
        raise _refusal(error.problems) from error
    problems = [*document.problems, *_problems(document)]
    if problems:
        raise _refusal(problems)
    return {
        name: {LEVEL: value} if isinstance(value, str) else dict(value)
        for name, value in document.values.items()
    }


def as_pulumi_reads_it(config: PolicyConfig) -> str:
    """The text for ``--policy-pack-config``."""
    return json.dumps(config, indent=2, sort_keys=True) + "\n"


def _problems(document: JobDocument) -> Iterator[FieldProblem]:
    rules: dict[str, Rule | None] = {rule.name: rule for rule in RULES}
    rules |= dict.fromkeys([*(rule.name for rule in STACK_RULES), LATER])
    for name, value in document.values.items():
        if name not in rules:
            yield document.problem((name,), "is not a rule", nearest=_nearest(name, rules))
            continue
        rule = rules[name]
        if isinstance(value, Mapping):
            yield from _problems_of_rule(document, name, rule, value)
        elif value not in _levels(rule):
            yield document.problem((name,), "is no level", found=_told(value), allowed=_listed(_levels(rule)))


def _problems_of_rule(
    document: JobDocument, name: str, rule: Rule | None, values: Mapping[str, Any]
) -> Iterator[FieldProblem]:
    schema = rule.schema if rule else {}
    for key, value in values.items():
        here = (name, key)
        if key == LEVEL:
            if value not in _levels(rule):
                yield document.problem(
                    here, "is no level", found=_told(value), allowed=_listed(_levels(rule))
                )
        elif key not in schema:
            known = [LEVEL, *schema]
            yield document.problem(
                here,
                "is not a setting of this rule",
                allowed=_listed(known),
                nearest=_nearest(key, known),
            )
        elif not _fits(value, schema[key]):
            allowed = str(schema[key].get("description", ""))
            yield document.problem(here, "is not right here", found=_told(value), allowed=allowed)


def _levels(rule: Rule | None) -> Sequence[str]:
    return (*_LEVELS, "remediate") if rule is not None and rule.remedy is not None else _LEVELS


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    if schema["type"] == "number":
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return (
            is_number
            and value >= schema.get("minimum", value)
            and value > schema.get("exclusiveMinimum", value - 1)
        )
    return isinstance(value, list) and all(isinstance(each, str) and each for each in value)


def _told(value: Any) -> str | None:
    return None if value is None else json.dumps(value, default=str)


def _nearest(word: str, known: Sequence[str] | Mapping[str, Any]) -> str | None:
    return next(iter(difflib.get_close_matches(word, list(known), n=1)), None)


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words)


def _refusal(problems: Sequence[FieldProblem]) -> SettingsError:
    return SettingsError(
        "The project's policies cannot be read.",
        problems=problems,
        next_step="Correct the named lines and repeat.",
    )

"""From what the policy pack reports to the violation, and to the line of the job file that causes it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from runctl_auto.engine.events import EngineEvent, PolicyEvent, plain
from runctl_auto.errors import PolicyViolationError, Violation
from runctl_auto.stack.urn import name_of

if TYPE_CHECKING:
    from runctl_auto.job_file.job_file import JobFile

_REPORT = re.compile(
    r"(?P<resource>[^\s:]+): (?P<found>.*); allowed: (?P<allowed>.*?)"
    r"(?:; job file: (?P<field>[\w.]+(?:\[\d+\][\w.]*)*))?"
)


def read_violation(rule: str, resource: str, message: str) -> Violation:
    """The violation in a report of ``rule`` about the resource named ``resource``.

    The pack writes ``RESOURCE: FOUND; allowed: ALLOWED; job file: FIELD`` in the last line; another pack may
    write what it likes, which is then all that was found.
    """
    lines = message.strip().splitlines() or [""]
    match = _REPORT.fullmatch(lines[-1].strip())
    if match is None:
        return Violation(rule=rule, resource=resource, found=" ".join(line.strip() for line in lines))
    return Violation(
        rule=rule,
        resource=match["resource"],
        found=match["found"],
        allowed=match["allowed"],
        field=match["field"],
    )


def advice_in(events: Iterable[EngineEvent]) -> tuple[str, ...]:
    """What policies said without refusing, each once."""
    return tuple(f"policy: {each}" for each in advised_in(events))


def advised_in(events: Iterable[EngineEvent]) -> tuple[Violation, ...]:
    """The violations of rules that refuse nothing, each once."""
    told = (event for event in events if isinstance(event, PolicyEvent) and event.level != "mandatory")
    found = (read_violation(each.policy, name_of(each.urn), plain(each.message)) for each in told)
    return without_repetition(found)


def without_repetition(violations: Iterable[Violation]) -> tuple[Violation, ...]:
    """``violations`` but for those that say of a part what another says of the whole, with the field of the
    job file to change: a disk that is too large is found in the environment and in the machine."""
    found = list(dict.fromkeys(violations))
    told = {(each.rule, each.allowed) for each in found if each.field is not None}
    return tuple(each for each in found if each.field is not None or (each.rule, each.allowed) not in told)


def with_lines(error: PolicyViolationError, file: JobFile) -> PolicyViolationError:
    """``error`` with the line of ``file`` for each violation that names one of its fields."""
    violations = [with_line(each, file) for each in error.violations]
    return PolicyViolationError(
        error.what,
        violations=violations,
        where={**error.where, "file": str(file.path)},
        next_step=error.next_step,
    )


def refusal(violations: Sequence[Violation], where: dict[str, str]) -> PolicyViolationError:
    """The error that tells all ``violations``."""
    steps = ["Change the named fields of the job file."] if any(each.field for each in violations) else []
    if not all(each.field for each in violations):
        steps.append(
            "What names no field comes from the program, not from the job file: change the program, or what "
            "the project allows (policies.yaml)."
        )
    if where.get("operation") == "update":
        steps.append(
            f"What was made before the refusal is recorded: `runctl down {where.get('job')}` removes it."
        )
    return PolicyViolationError(
        "The policies refuse the change.", violations=violations, where=where, next_step=" ".join(steps)
    )


def with_line(violation: Violation, file: JobFile) -> Violation:
    """``violation`` with the line of ``file`` that causes it, if it names a field."""
    if violation.field is None:
        return violation
    return replace(violation, file=str(file.path), line=file.line_of(violation.field))

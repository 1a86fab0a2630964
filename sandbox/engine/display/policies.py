"""What policy packs found, in text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.engine.display.markup import (
    BRIGHT_BLUE,
    HEADLINE,
    MAGENTA,
    RED,
    RESET,
    UNDERLINE,
    YELLOW,
)
from sandbox.engine.display.object_diff import Printer, changed_keys
from sandbox.engine.display.op_text import OPS
from sandbox.engine.display.options import DisplayOptions
from sandbox.engine.display.steps import short_type, urn_name

LOADING = "Loading policy packs..."

_LEVELS = ("remediate", "mandatory", "advisory", "disabled")
_SEVERITIES = ("critical", "high", "medium", "low", "")
_ITEM = " " * 8
_DETAILS_INDENT = 2

Event = Mapping[str, Any]


@dataclass
class _Pack:
    """One pack with what it found."""

    paths: list[str] = field(default_factory=list)
    violations: list[Event] = field(default_factory=list)
    remediations: list[Event] = field(default_factory=list)

    @property
    def sign(self) -> str:
        """Whether it is content, has advice, or forbids."""
        if any(is_mandatory(event) for event in self.violations):
            return "❌"
        return "⚠️" if self.violations else "✅"


def is_mandatory(event: Event) -> bool:
    """Whether a violation ends the operation."""
    return event.get("enforcementLevel") == "mandatory"


def policies_text(
    packs_run: Mapping[str, str],
    violations: Iterable[Event],
    remediations: Iterable[Event],
    options: DisplayOptions,
) -> str:
    """The section about policies; "" when no pack was run. `packs_run` is that of a summary event."""
    if not packs_run:
        return ""
    lines = [f"{HEADLINE}Policies:{RESET}"]
    for name, pack in sorted(_gathered(packs_run, violations, remediations).items()):
        where = f" (local: {'; '.join(sorted(pack.paths))})" if pack.paths else ""
        lines.append(f"    {pack.sign} {MAGENTA}{name}{RESET}{where}")
        lines += _remediation_lines(pack.remediations, options)
        lines += [_violation_item(event, options) for event in sorted(pack.violations, key=_rank)]
    return "\n".join(lines) + "\n"


def packs_table(packs_run: Mapping[str, str]) -> str:
    """The packs that were run, as a table with a title; "" when there were none."""
    if not packs_run:
        return ""
    width = max(len(name) for name in ("Name", *packs_run)) + 2
    mark = UNDERLINE + BRIGHT_BLUE
    space = " " * (width - len("Name"))
    lines = [f"\n{HEADLINE}Policy Packs run:{RESET}", f"    {mark}Name{RESET}{space}{mark}Version{RESET}"]
    lines += [f"    {name:<{width}}{version}" for name, version in packs_run.items()]
    return "\n".join(lines) + "\n"


def violation_text(event: Event, options: DisplayOptions) -> str:
    """A violation as it happens."""
    message = str(event["message"]).removesuffix("\n")
    return f"    {_pack_mark(event)}{_violation_title(event, options)}{message}\n"


def remediation_text(event: Event, options: DisplayOptions) -> str:
    """What a policy changed, as it happens; "" when it changed nothing."""
    before, after = event.get("before") or {}, event.get("after") or {}
    if not any(changed_keys(before, after)):
        return ""
    details: list[str] = []
    Printer(details.append, _DETAILS_INDENT).difference(before, after, show_sames=False)
    title = f"    {_pack_mark(event)}{_remediation_title(event, options)}"
    return f"{title}\n{''.join(details)}\n"


def _gathered(
    packs_run: Mapping[str, str], violations: Iterable[Event], remediations: Iterable[Event]
) -> dict[str, _Pack]:
    packs: dict[str, _Pack] = {}
    for label, version in packs_run.items():
        name, local, path = [*label.split("|"), "", ""][:3]
        pack = packs.setdefault(f"{name}@v{version}", _Pack())
        if local:
            pack.paths.append(path)
    for event in violations:
        packs.setdefault(_pack_name(event), _Pack()).violations.append(event)
    for event in remediations:
        packs.setdefault(_pack_name(event), _Pack()).remediations.append(event)
    return packs


def _remediation_lines(events: list[Event], options: DisplayOptions) -> list[str]:
    if options.show_policy_remediations:
        lines = []
        for event in events:
            changes = changed_keys(event.get("before") or {}, event.get("after") or {})
            if any(changes):
                title = _remediation_title(event, options)
                lines.append(f"{_ITEM}- {title} [diff: {_changes_text(changes)}]")
        return lines
    names = sorted(str(event["policyName"]) for event in events)
    return [
        f"{_ITEM}- {MAGENTA}[remediate]  {name}{RESET}  "
        f"({names.count(name)} {'resource' if names.count(name) == 1 else 'resources'})"
        for name in dict.fromkeys(names)
    ]


def _changes_text(changes: tuple[list[str], list[str], list[str]]) -> str:
    return "".join(
        f"{OPS[op].colour}{OPS[op].sign.strip()}{','.join(keys)}{RESET}"
        for op, keys in zip(("create", "delete", "update"), changes, strict=True)
        if keys
    )


def _violation_item(event: Event, options: DisplayOptions) -> str:
    indent = f"\n{_ITEM}  "
    message = str(event["message"]).removesuffix("\n").replace("\n", indent)
    return f"{_ITEM}- {_violation_title(event, options)}{indent}{message}"


def _violation_title(event: Event, options: DisplayOptions) -> str:
    colour = RED if is_mandatory(event) else YELLOW
    severity = f" [severity: {event['severity']}]" if event.get("severity") else ""
    level = f"[{event['enforcementLevel']}]{severity}"
    return f"{colour}{level}  {event['policyName']}{RESET}{_resource_clause(event, options)}"


def _remediation_title(event: Event, options: DisplayOptions) -> str:
    return f"{MAGENTA}[remediate]  {event['policyName']}{RESET}{_resource_clause(event, options)}"


def _resource_clause(event: Event, options: DisplayOptions) -> str:
    urn = str(event.get("resourceUrn") or "")
    if not urn:
        return ""
    return f"  ({short_type(urn)}: {urn if options.show_urns else urn_name(urn)})"


def _pack_name(event: Event) -> str:
    return f"{event['policyPackName']}@v{event['policyPackVersion']}"


def _pack_mark(event: Event) -> str:
    return f"{MAGENTA}{_pack_name(event)} {RESET}"


def _rank(event: Event) -> tuple[int, int, str, str]:
    level, severity = str(event["enforcementLevel"]), str(event.get("severity") or "")
    return (
        _LEVELS.index(level) if level in _LEVELS else len(_LEVELS),
        _SEVERITIES.index(severity) if severity in _SEVERITIES else len(_SEVERITIES),
        str(event["policyName"]),
        str(event.get("resourceUrn") or ""),
    )

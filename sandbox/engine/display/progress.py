"""The usual display: a line for each change of a resource, then messages, outputs and a summary."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.engine.display.diagnostics import Diagnostics, message_text
from sandbox.engine.display.markup import BOLD, HEADLINE, RED, RESET, YELLOW, render
from sandbox.engine.display.object_diff import changed_keys
from sandbox.engine.display.op_text import OPS, plan_text
from sandbox.engine.display.options import DisplayOptions
from sandbox.engine.display.outputs import outputs_text
from sandbox.engine.display.policies import LOADING, is_mandatory, policies_text
from sandbox.engine.display.steps import Metadata, is_root, is_shown, short_type, state_of, urn_name
from sandbox.engine.display.summary import summary_text

_STEP_EVENTS = ("resourcePreEvent", "resOutputsEvent", "resOpFailedEvent")
_READS = ("discard", "read-replacement")


@dataclass
class _Row:
    """What is known of one resource."""

    metadata: dict[str, Any]
    hidden: bool = True
    failed: bool = False
    outputs: list[Metadata] = field(default_factory=list)
    diagnostics: Diagnostics = field(default_factory=Diagnostics)
    started: float | None = None
    ended: float | None = None
    violations: list[Mapping[str, Any]] = field(default_factory=list)
    remediations: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def op(self) -> str:
        return str(self.metadata["op"])

    def has_ended(self, op: str) -> bool:
        return any(step["op"] == op for step in self.outputs)


class ProgressDisplay:
    """Prints lines through `write`, which gets whole lines without their end."""

    def __init__(
        self,
        write: Callable[[str], None],
        options: DisplayOptions,
        *,
        preview: bool,
        root_urn: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._options = options
        self._preview = preview
        self._default_root = root_urn
        self._clock = clock
        self._rows: dict[str, _Row] = {}
        self._root = ""
        self._done = False
        self._loads_policies = False
        self._summary: Mapping[str, Any] | None = None

    def emit(self, event: Mapping[str, Any]) -> None:
        """Shows an event."""
        for name in _STEP_EVENTS:
            if name in event:
                self._step(name, event[name]["metadata"])
                return
        if "diagnosticEvent" in event:
            self._diagnostic(event["diagnosticEvent"])
        elif "stdoutEvent" in event:
            self._print(str(event["stdoutEvent"].get("message", "")))
        elif "policyEvent" in event:
            self._policy(event["policyEvent"], hidden=True)
        elif "policyRemediationEvent" in event:
            self._policy(event["policyRemediationEvent"], hidden=False)
        elif "policyLoadEvent" in event:
            self._loading()
        elif "preludeEvent" in event:
            if self._loads_policies:
                self._print(f"{LOADING}: done")
            self._print("")
        elif "summaryEvent" in event:
            self._summary = event["summaryEvent"]
        elif "cancelEvent" in event:
            self._finish()

    def _print(self, line: str) -> None:
        self._write(render(line, coloured=self._options.coloured))

    def _step(self, kind: str, metadata: dict[str, Any]) -> None:
        if not self._options.show_reads and metadata["op"] in _READS:
            return
        if not self._options.show_reads and metadata["op"] == "read":
            message = f"read {short_type(metadata['urn'])} {urn_name(metadata['urn'])}"
            self._diagnostic({"severity": "info", "message": message, "ephemeral": True})
            return
        of_root = bool(self._root) and metadata["urn"] == self._root
        row = self._row(metadata["urn"], metadata)
        if is_shown(metadata, self._options) or of_root:
            row.hidden = False
        if kind == "resourcePreEvent":
            row.started, row.ended = self._clock(), None
            row.metadata = metadata
        elif kind == "resOpFailedEvent":
            row.failed = True
        elif not self._ended(row, metadata):
            return
        self._update(row)

    def _ended(self, row: _Row, metadata: dict[str, Any]) -> bool:
        """Takes the end of a step; whether it is worth a line now."""
        refreshed = row.op == "refresh"
        row.ended = self._clock()
        row.metadata = metadata
        row.outputs.append(metadata)
        if refreshed:
            return True
        return not self._preview and bool(state_of(metadata).get("custom")) and metadata["op"] != "same"

    def _diagnostic(self, event: Mapping[str, Any]) -> None:
        if event.get("severity") == "debug" and not self._options.debug:
            return
        if not message_text(event).replace(RESET, ""):
            return
        row = self._row(str(event.get("urn") or "") or self._root, None)
        row.hidden = False
        row.diagnostics.record(event)
        self._update(row)

    def _loading(self) -> None:
        if not self._loads_policies:
            self._add_root()
            self._print(f"{LOADING}: starting")
        self._loads_policies = True

    def _policy(self, event: Mapping[str, Any], *, hidden: bool) -> None:
        """Takes a violation, which alone makes no row visible, or a remediation, which does."""
        row = self._row(str(event.get("resourceUrn") or "") or self._root, None)
        row.hidden = row.hidden and hidden
        (row.violations if "enforcementLevel" in event else row.remediations).append(event)
        self._update(row)

    def _row(self, urn: str, metadata: dict[str, Any] | None) -> _Row:
        if urn in self._rows:
            self._add_parent(metadata)
            return self._rows[urn]
        step = metadata if metadata is not None else {"op": "same", "urn": urn, "old": None, "new": None}
        if is_root(urn):
            self._root = urn
            if "" in self._rows:
                row = self._rows[urn] = self._rows.pop("")
                row.metadata = step
                return row
        row = self._rows[urn] = _Row(step)
        self._add_parent(metadata)
        self._add_root()
        return row

    def _add_parent(self, metadata: dict[str, Any] | None) -> None:
        """Makes a hidden row for a parent that no event has told of."""
        parent = str(state_of(metadata).get("parent") or "") if metadata is not None else ""
        if parent and parent != self._root and parent not in self._rows:
            self._rows[parent] = _Row({"op": "same", "urn": parent, "old": None, "new": None})
            self._add_root()

    def _add_root(self) -> None:
        if self._root not in self._rows:
            self._rows[self._root] = _Row({"op": "same", "urn": "", "old": None, "new": None}, hidden=False)

    def _update(self, row: _Row) -> None:
        if not row.hidden:
            self._print(self._line(row))

    def _line(self, row: _Row) -> str:
        urn = str(row.metadata.get("urn") or "") or self._default_root
        done = self._is_done(row)
        op = OPS[row.op]
        label = f" {'' if done else BOLD}{op.colour}{op.sign}{RESET}"
        names = [urn] if self._options.show_urns else [short_type(urn), urn_name(urn)]
        return " ".join((label, *names, self._status(row, done), self._info(row)))

    def _is_done(self, row: _Row) -> bool:
        if row.failed or self._done:
            return True
        return not is_root(str(row.metadata.get("urn") or "")) and row.has_ended(row.op)

    def _status(self, row: _Row, done: bool) -> str:
        op = OPS[row.op]
        failed = row.failed or row.diagnostics.errors > 0
        if self._interrupted(row, failed):
            text = f"{YELLOW}{op.going_on} (interrupted){RESET}"
        elif not done:
            text = self._going_on(row)
        elif self._preview:
            text = f"{op.colour}{plan_text(row.op)}{RESET}"
        elif failed:
            text = f"{RED}**{self._timed(row, op.failed)}**{RESET}"
        else:
            text = f"{op.colour}{self._timed(row, op.done)}{RESET}"
        old = row.metadata.get("old") or {}
        retains = old.get("retainOnDelete") and row.op in (
            "delete",
            "replace",
            "create-replacement",
            "delete-replaced",
        )
        return f"{text}[retain]" if retains else text

    def _going_on(self, row: _Row) -> str:
        op = OPS[row.op]
        if row.op == "same" and is_root(str(row.metadata.get("urn") or "")):
            return "running"
        text = op.planned if self._preview else op.going_on
        if not self._preview and row.op != "same" and row.started is not None:
            text = f"{text} ({int(self._clock() - row.started)}s)"
        return f"{BOLD}{op.colour}{text}{RESET}"

    def _timed(self, row: _Row, text: str) -> str:
        if row.op == "same" or row.started is None or row.ended is None:
            return text
        seconds = row.ended - row.started
        return f"{text} ({seconds:.2f}s)" if seconds < 1 else f"{text} ({int(seconds)}s)"

    def _interrupted(self, row: _Row, failed: bool) -> bool:
        if failed or not self._done or row.op in ("same", "remove-pending-replace"):
            return False
        return bool(state_of(row.metadata).get("custom")) and not row.has_ended(row.op)

    def _info(self, row: _Row) -> str:
        parts = [part for part in (_change_text(self._info_step(row)),) if part]
        if self._done:
            counts = row.diagnostics.count_text()
            parts += [counts] if counts else []
        elif row.diagnostics.last is not None:
            parts.append(message_text(row.diagnostics.last))
        return "; ".join(parts).partition("\n")[0]

    def _info_step(self, row: _Row) -> Metadata:
        wanted = {"create-replacement": "replace", "delete-replaced": "replace"}.get(row.op, row.op)
        if wanted != row.op or row.op.startswith("import"):
            for step in row.outputs:
                if step["op"] == wanted:
                    return step
        return row.metadata

    def _finish(self) -> None:
        going_on = [row for row in self._rows.values() if not self._is_done(row)]
        self._done = True
        for row in going_on:
            self._update(row)
        forbidden = self._show_policies()
        self._show_diagnostics()
        self._show_outputs()
        if self._summary is not None and not forbidden:
            errored = sum(1 for row in self._rows.values() if row.diagnostics.errors)
            self._print(summary_text(self._summary, errored))

    def _show_policies(self) -> bool:
        """Shows what policies found; whether they forbid the operation."""
        violations = [event for row in self._rows.values() for event in row.violations]
        remediations = [event for row in self._rows.values() for event in row.remediations]
        packs_run = (self._summary or {}).get("PolicyPacks") or {}
        text = policies_text(packs_run, violations, remediations, self._options)
        if text:
            self._print(text)
        return bool(text) and any(map(is_mandatory, violations))

    def _show_diagnostics(self) -> None:
        first = True
        for urn, row in self._rows.items():
            blocks = row.diagnostics.blocks(debug=self._options.debug)
            if not blocks:
                continue
            if first:
                self._print(f"{HEADLINE}Diagnostics:{RESET}")
                first = False
            shown = urn or self._default_root
            title = shown if self._options.show_urns else f"{short_type(shown)} ({urn_name(shown)})"
            self._print(f"  {title}:")
            for block in blocks:
                for line in block:
                    self._print(f"    {line}".rstrip())
                self._print("")

    def _show_outputs(self) -> None:
        root = self._rows.get(self._root)
        if self._options.suppress_outputs or root is None or not self._root:
            return
        text = outputs_text(root.metadata, self._options, indent=1, preview=self._preview)
        if text:
            self._print(f"{HEADLINE}Outputs:{RESET}")
            self._print(text)


def _change_text(metadata: Metadata) -> str:
    """Which properties a step changes, as `[diff: +added-deleted~changed]`."""
    old, new = metadata.get("old"), metadata.get("new")
    if not old or not new:
        return ""
    added, deleted, changed = _property_changes(metadata, old, new)
    for name in ("provider", "protect"):
        if (old.get(name) or "") != (new.get(name) or ""):
            changed = sorted([*changed, name])
    text = "".join(
        f"{OPS[op].colour}{sign}{','.join(keys)}{RESET}"
        for op, sign, keys in (("create", "+", added), ("delete", "-", deleted), ("update", "~", changed))
        if keys
    )
    return f"[diff: {text}{RESET}]" if text else ""


def _property_changes(
    metadata: Metadata, old: Mapping[str, Any], new: Mapping[str, Any]
) -> tuple[list[str], list[str], list[str]]:
    if metadata["op"] == "same":
        return [], [], []
    detailed = metadata.get("detailedDiff")
    if detailed is not None:
        return _detailed_keys(detailed)
    changes = changed_keys(old.get("inputs") or {}, new.get("inputs") or {})
    only = metadata.get("diffs")
    if only:
        added, deleted, changed = ([key for key in keys if key in only] for keys in changes)
        return added, deleted, changed
    return changes


def _detailed_keys(detailed: Mapping[str, Any]) -> tuple[list[str], list[str], list[str]]:
    """The top-level properties of a detailed diff; one changed in its depths counts as changed."""
    added, deleted, changed = set(), set(), set()
    for path, change in detailed.items():
        top = path.replace("[", ".").split(".")[0] or path
        kind = str(change.get("diffKind") or change.get("kind") or "update")
        if top != path or kind.startswith("update"):
            changed.add(top)
        elif kind.startswith("add"):
            added.add(top)
        else:
            deleted.add(top)
    return sorted(added - changed), sorted(deleted - changed), sorted(changed)

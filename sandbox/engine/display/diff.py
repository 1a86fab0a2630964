"""The display of `--diff`: every step with the properties that it changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.engine.display.markup import RESET, render
from sandbox.engine.display.object_diff import Printer
from sandbox.engine.display.op_text import OPS
from sandbox.engine.display.options import DisplayOptions
from sandbox.engine.display.outputs import outputs_text
from sandbox.engine.display.policies import packs_table, remediation_text, violation_text
from sandbox.engine.display.steps import Metadata, is_root, is_shown, state_of
from sandbox.engine.display.summary import summary_text

_WHOLE = ("create", "delete", "delete-replaced", "discard", "discard-replaced")


class DiffDisplay:
    """Prints through `write_out`, messages through `write_error`; both get texts with their line ends."""

    def __init__(
        self,
        write_out: Callable[[str], None],
        write_error: Callable[[str], None],
        options: DisplayOptions,
        *,
        preview: bool,
    ) -> None:
        self._out, self._error = write_out, write_error
        self._options = options
        self._preview = preview
        self._seen: dict[str, Metadata] = {}
        self._errored = 0

    def emit(self, event: Mapping[str, Any]) -> None:
        """Shows an event."""
        if "resourcePreEvent" in event:
            self._before(event["resourcePreEvent"]["metadata"])
        elif "resOutputsEvent" in event:
            self._after(event["resOutputsEvent"]["metadata"])
        elif "resOpFailedEvent" in event:
            self._errored += 1
        elif "diagnosticEvent" in event:
            self._diagnostic(event["diagnosticEvent"])
        elif "stdoutEvent" in event:
            self._print(str(event["stdoutEvent"].get("message", "")))
        elif "summaryEvent" in event:
            packs = packs_table(event["summaryEvent"].get("PolicyPacks") or {})
            self._print(summary_text(event["summaryEvent"], self._errored, packs))
        elif "policyEvent" in event:
            self._print(violation_text(event["policyEvent"], self._options))
        elif "policyRemediationEvent" in event:
            self._print(remediation_text(event["policyRemediationEvent"], self._options))

    def _print(self, text: str) -> None:
        self._out(render(text, coloured=self._options.coloured))

    def _diagnostic(self, event: Mapping[str, Any]) -> None:
        if event.get("severity") != "debug" or self._options.debug:
            text = f"{event.get('prefix') or ''}{event.get('message') or ''}"
            self._error(render(text, coloured=self._options.coloured))

    def _before(self, metadata: Metadata) -> None:
        self._seen[metadata["urn"]] = metadata
        if metadata["op"] not in ("refresh", "import") and self._shows(metadata):
            self._print(self._step(metadata))

    def _after(self, metadata: Metadata) -> None:
        if not self._shows(metadata):
            return
        seen = self._seen.get(metadata["urn"])
        refreshed = seen is not None and seen["op"] == "refresh"
        if metadata["op"] == "import" or (refreshed and metadata["op"] == "update"):
            self._print(self._step(metadata))
            return
        indent = self._indent(metadata) + 1
        text = outputs_text(
            metadata, self._options, indent=indent, preview=self._preview, refreshed=refreshed
        )
        if refreshed and (metadata["op"] != "refresh" or text or is_root(metadata["urn"])):
            self._print(self._head(metadata))
        if text and not self._options.suppress_outputs:
            self._print(f"{OPS[metadata['op']].colour}{'    ' * indent}--outputs:--{RESET}\n{text}")

    def _shows(self, metadata: Metadata) -> bool:
        return is_shown(metadata, self._options) or is_root(metadata["urn"])

    def _indent(self, metadata: Metadata) -> int:
        indent = 0
        parent = str(state_of(metadata).get("parent") or "")
        while parent in self._seen:
            above = self._seen[parent]
            if self._shows(above):
                indent += 1
            parent = str(state_of(above).get("parent") or "")
        return indent

    def _step(self, metadata: Metadata) -> str:
        details = self._details(metadata) if metadata["op"] != "same" else ""
        return self._head(metadata) + details + RESET

    def _head(self, metadata: Metadata) -> str:
        op, urn = OPS[metadata["op"]], metadata["urn"]
        old, new = metadata.get("old") or {}, metadata.get("new") or {}
        indent = self._indent(metadata)
        name = urn if self._options.show_urns else metadata.get("type") or state_of(metadata).get("type")
        lock = " 🔓" if old.get("protect") and new and not new.get("protect") else ""
        if not lock and (new.get("protect") or old.get("protect")):
            lock = " 🔒"
        title = f"{'    ' * indent}{op.colour}{op.sign}{name}: ({metadata['op']}){lock}\n"
        colour = op.colour if metadata["op"] in _WHOLE else OPS["same"].colour
        space = "    " * (indent + 1)
        lines = []
        if old.get("id"):
            lines.append(f"{colour}{space}[id={old['id']}]\n{RESET}")
        if not self._options.show_urns:
            lines.append(f"{colour}{space}[urn={urn}]\n{RESET}")
        lines.append(self._provider(metadata, old, new, colour + space))
        return title + "".join(lines)

    def _provider(
        self, metadata: Metadata, old: Mapping[str, Any], new: Mapping[str, Any], start: str
    ) -> str:
        provider = str(metadata.get("provider") or "")
        if not provider:
            return ""
        before, after = old.get("provider"), new.get("provider")
        if before and after and before != after:
            return f"{start}[provider: {before} => {after}]\n{RESET}"
        urn = provider.rpartition("::")[0]
        return "" if urn.endswith("::default") else f"{start}[provider={provider}]\n{RESET}"

    def _details(self, metadata: Metadata) -> str:
        old, new = metadata.get("old"), metadata.get("new")
        op = str(metadata["op"])
        text: list[str] = []
        printer = Printer(text.append, self._indent(metadata) + 1, op, short=self._options.cut_texts)
        if old is None and new is not None:
            printer.properties(new.get("outputs") or new.get("inputs") or {})
        elif new is None and old is not None:
            printer.properties(old.get("inputs") or {})
        elif old is not None and new is not None:
            _changes(printer, metadata, old, new)
        return "".join(text)


def _changes(printer: Printer, metadata: Metadata, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    detailed = metadata.get("detailedDiff")
    only: list[str] | None
    if detailed is not None:
        only = sorted({path.replace("[", ".").split(".")[0] or path for path in detailed})
    else:
        only = list(metadata.get("diffs") or []) or None
    before, after = old.get("inputs") or {}, new.get("inputs") or {}
    if detailed is None and new.get("outputs") and not str(metadata["op"]).startswith("import"):
        before, after, only = old.get("outputs") or {}, new["outputs"], None
    if before == after:
        printer.at("same").properties(after)
    else:
        printer.at("same", signed=True).difference(before, after, only=only)

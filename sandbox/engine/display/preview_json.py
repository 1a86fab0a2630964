"""The plan as one JSON document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.engine.checkpoint import encode_resource
from sandbox.engine.display.markup import render
from sandbox.engine.display.options import DisplayOptions
from sandbox.engine.display.steps import Metadata, is_root, is_shown
from sandbox.engine.display.values import SECRET_TEXT, is_secret
from sandbox.engine.json_text import indented
from sandbox.engine.model import Resource


class PreviewJson:
    """Collects events and prints the document at the end."""

    def __init__(
        self, write: Callable[[str], None], options: DisplayOptions, duration_ns: Callable[[], int]
    ) -> None:
        self._write = write
        self._options = options
        self._duration_ns = duration_ns
        self._config: Mapping[str, str] | None = None
        self._steps: list[dict[str, Any]] = []
        self._refreshed: set[str] = set()
        self._diagnostics: list[dict[str, Any]] = []
        self._summary: Mapping[str, Any] = {}

    def emit(self, event: Mapping[str, Any]) -> None:
        """Takes an event; the last one prints the document."""
        if "preludeEvent" in event:
            self._config = event["preludeEvent"].get("config")
        elif "resourcePreEvent" in event:
            self._before(event["resourcePreEvent"]["metadata"])
        elif "resOutputsEvent" in event:
            self._after(event["resOutputsEvent"]["metadata"])
        elif "diagnosticEvent" in event:
            self._diagnostic(event["diagnosticEvent"])
        elif "summaryEvent" in event:
            self._summary = event["summaryEvent"]
        elif "cancelEvent" in event:
            self._write(indented(self._document(), 4, html=True))

    def _before(self, metadata: Metadata) -> None:
        if metadata["op"] == "refresh":
            self._refreshed.add(metadata["urn"])
        if is_shown(metadata, self._options) or is_root(metadata["urn"]):
            self._steps.append(_step(metadata))

    def _after(self, metadata: Metadata) -> None:
        changed = metadata["op"] == "delete" or (
            metadata["op"] == "update" and metadata.get("detailedDiff") is not None
        )
        if metadata["urn"] in self._refreshed and changed:
            self._steps = [
                _step(metadata) if step["urn"] == metadata["urn"] else step for step in self._steps
            ]

    def _diagnostic(self, event: Mapping[str, Any]) -> None:
        if event.get("ephemeral") or event.get("severity") == "debug":
            return
        entry = {"urn": event["urn"]} if event.get("urn") else {}
        text = f"{event.get('prefix') or ''}{event.get('message') or ''}"
        entry["message"] = render(text, coloured=False)
        entry["severity"] = str(event.get("severity"))
        self._diagnostics.append(entry)

    def _document(self) -> dict[str, Any]:
        document: dict[str, Any] = {}
        if self._config:
            document["config"] = dict(sorted(self._config.items()))
        if self._steps:
            document["steps"] = self._steps
        if self._diagnostics:
            document["diagnostics"] = self._diagnostics
        document["duration"] = self._duration_ns()
        document["changeSummary"] = dict(sorted((self._summary.get("resourceChanges") or {}).items()))
        if self._summary.get("maybeCorrupt"):
            document["maybeCorrupt"] = True
        return document


def _step(metadata: Metadata) -> dict[str, Any]:
    step: dict[str, Any] = {"op": metadata["op"], "urn": metadata["urn"]}
    if metadata.get("provider"):
        step["provider"] = metadata["provider"]
    for name, key in (("oldState", "old"), ("newState", "new")):
        if metadata.get(key):
            step[name] = _state(metadata[key])
    if metadata.get("diffs"):
        step["diffReasons"] = list(metadata["diffs"])
    if metadata.get("keys"):
        step["replaceReasons"] = list(metadata["keys"])
    detailed = metadata.get("detailedDiff")
    step["detailedDiff"] = (
        None
        if detailed is None
        else {
            path: {"kind": change.get("diffKind"), "inputDiff": bool(change.get("inputDiff"))}
            for path, change in detailed.items()
        }
    )
    return step


def _state(state: Mapping[str, Any]) -> dict[str, Any]:
    """The whole resource when the engine gave it along, else what the event tells of it; without secrets."""
    resource = getattr(state, "resource", None)
    if isinstance(resource, Resource):
        whole = encode_resource(resource, str, show_secrets=True)
        return {key: _blind(value) for key, value in whole.items()}
    told = {"urn": state.get("urn"), "custom": bool(state.get("custom")), "type": state.get("type")}
    return told | {key: _blind(value) for key, value in state.items() if value and key not in told}


def _blind(value: Any) -> Any:
    if is_secret(value):
        return SECRET_TEXT
    if isinstance(value, dict):
        return {key: _blind(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_blind(item) for item in value]
    return value

"""Engine events, in the JSON shape that Pulumi gives them."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.engine.deploy.providers.api import Status
from sandbox.engine.deploy.request import EventSink
from sandbox.engine.deploy.steps.base import Step
from sandbox.engine.model import Op, Resource
from sandbox.engine.properties import (
    PropertyMap,
    to_json,
)

_RESET = "<{%reset%}>"
_PREFIXES = {
    "error": "<{%fg 1%}>error: <{%reset%}>",
    "warning": "<{%fg 3%}>warning: <{%reset%}>",
    "debug": "<{%reset%}>debug: <{%reset%}>",
}


class ResourceView(dict[str, Any]):
    """What events tell of a resource. `resource` is the whole of it, for displays that show more."""

    def __init__(self, resource: Resource, content: Mapping[str, Any]) -> None:
        super().__init__(content)
        self.resource = resource


class Events:
    """Emits events one at a time, from any thread. Shows no secrets."""

    def __init__(self, sink: EventSink) -> None:
        self._sink = sink
        self._lock = threading.Lock()
        self._streams = itertools.count(1)

    def emit(self, kind: str, content: dict[str, Any]) -> None:
        """Emits an event; `kind` is its name in the JSON."""
        with self._lock:
            self._sink.emit({kind: content})

    def diagnostic(
        self, severity: str, urn: str, message: str, *, stream: int = 0, ephemeral: bool = False
    ) -> None:
        """A message about a resource, or none (""). Severities: error, warning, info, info#err, debug."""
        content: dict[str, Any] = {}
        if urn:
            content["urn"] = urn
        prefix = _PREFIXES.get(severity)
        if prefix:
            content["prefix"] = prefix
        content |= {"message": f"{_RESET}{message}{_RESET}\n", "color": "raw", "severity": severity}
        if stream:
            content["streamID"] = stream
        if ephemeral:
            content["ephemeral"] = True
        self.emit("diagnosticEvent", content)

    def output(self) -> Callable[[str, str], None]:
        """What shows the output of one process, given (severity, line with its end). Displays keep each of
        its two streams together."""
        streams = {"info": next(self._streams), "info#err": next(self._streams)}
        return lambda severity, line: self.diagnostic(severity, "", line, stream=streams[severity])

    def hidden_output(self, severity: str, line: str) -> None:  # noqa: ARG002
        """Takes the output of a process whose words are for its developers."""
        self.diagnostic("debug", "", line)

    def error(self, urn: str, message: str) -> None:
        """Shows an error."""
        self.diagnostic("error", urn, message)

    def warning(self, urn: str, message: str) -> None:
        """Shows a warning."""
        self.diagnostic("warning", urn, message)

    def prelude(self, config: Mapping[str, str], secret_keys: frozenset[str]) -> None:
        """The first event: the stack's configuration."""
        shown = {key: "[secret]" if key in secret_keys else value for key, value in config.items()}
        self.emit("preludeEvent", {"config": shown})

    def summary(
        self,
        *,
        preview: bool,
        corrupt: bool,
        seconds: float,
        changes: Mapping[Op, int],
        policy_packs: Mapping[str, str],
        result: str,
    ) -> None:
        """The last but one event: what was done."""
        self.emit(
            "summaryEvent",
            {
                "maybeCorrupt": corrupt,
                "durationSeconds": math.ceil(seconds),
                "resourceChanges": {op.value: changes[op] for op in sorted(changes)},
                "PolicyPacks": dict(policy_packs),
                "isPreview": preview,
                "result": result,
            },
        )

    def cancelled(self) -> None:
        """The last event."""
        self.emit("cancelEvent", {})

    def step_before(self, step: Step, *, planning: bool) -> None:
        """A step begins."""
        self._step("resourcePreEvent", step.op, step, planning)

    def step_after(self, op: Op, step: Step, *, planning: bool) -> None:
        """A step has ended, and turned out to have done `op`."""
        self._step("resOutputsEvent", op, step, planning)

    def step_failed(self, step: Step, status: Status, steps: int) -> None:
        """A step has failed after `steps` that did not."""
        self.emit(
            "resOpFailedEvent",
            {"metadata": step_metadata(step.op, step), "status": int(status), "steps": steps},
        )

    def _step(self, kind: str, op: Op, step: Step, planning: bool) -> None:
        content: dict[str, Any] = {"metadata": step_metadata(op, step)}
        if planning:
            content["planning"] = True
        self.emit(kind, content)


def step_metadata(op: Op, step: Step) -> dict[str, Any]:
    """What events tell of a step."""
    content: dict[str, Any] = {
        "op": op.value,
        "urn": step.urn,
        "type": step.resource.type,
        "old": _state(step.old),
        "new": _state(step.new),
    }
    if step.keys:
        content["keys"] = list(step.keys)
    if step.diffs:
        content["diffs"] = list(step.diffs)
    detailed = step.detailed_diff
    content["detailedDiff"] = (
        None
        if detailed is None
        else {
            path: {"diffKind": diff.kind.value, "inputDiff": diff.input_diff}
            for path, diff in sorted(detailed.items())
        }
    )
    if step.logical:
        content["logical"] = True
    content["provider"] = step.resource.provider
    return content


def _state(resource: Resource | None) -> ResourceView | None:
    if resource is None:
        return None
    content = ResourceView(resource, {"type": resource.type, "urn": resource.urn})
    for name, value in (("custom", resource.custom), ("delete", resource.delete)):
        if value:
            content[name] = True
    content.update({"id": resource.id, "parent": resource.parent})
    for name, value in (
        ("protect", resource.protect),
        ("taint", resource.taint),
        ("external", resource.external),
        ("retainOnDelete", resource.retain_on_delete),
    ):
        if value:
            content[name] = True
    content.update(
        {
            "inputs": shown(resource.inputs),
            "outputs": shown(resource.outputs),
            "provider": resource.provider,
        }
    )
    if resource.init_errors:
        content["initErrors"] = list(resource.init_errors)
    if resource.hide_diff:
        content["hideDiffs"] = list(resource.hide_diff)
    return content


def shown(values: PropertyMap) -> Any:
    """Values as events show them: secrets hidden, contents of assets left out."""
    return to_json(values, lambda _: "[secret]", redact=True)

"""The outputs of a resource in text: what is new in them, and of the stack all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.engine.display.object_diff import Printer, changed_keys
from sandbox.engine.display.options import DisplayOptions
from sandbox.engine.display.steps import Metadata, is_root
from sandbox.engine.display.values import is_internal, is_worth_showing, primitive

_PLANNED = ("read", "read-replacement", "import", "import-replacement")


def outputs_text(
    metadata: Metadata,
    options: DisplayOptions,
    *,
    indent: int,
    preview: bool,
    refreshed: bool = False,
) -> str:
    """The lines of a step's outputs, "" when there is nothing to tell.

    Outputs that only repeat inputs are left out. Plans know the outputs of the stack and of what is read.
    """
    root = is_root(metadata["urn"])
    old, new = metadata.get("old"), metadata.get("new") or {}
    if preview and not (root or refreshed or metadata["op"] in _PLANNED):
        return ""
    if (old or {}).get("initErrors"):
        return ""
    show_sames = options.show_sames or (root and not preview)
    inputs, outputs = new.get("inputs") or {}, new.get("outputs") or {}
    lines: list[str] = []
    printer = Printer(lines.append, indent, str(metadata["op"]), short=options.cut_texts)
    before = (old or {}).get("outputs") or {}
    changed = _changed(before, outputs, only_known=preview and root)
    if old is not None and changed:
        keys = [key for key in sorted({*before, *outputs}) if not _repeats(key, inputs, outputs, refreshed)]
        if not show_sames:
            keys = [key for key in keys if key in changed]
        width = _width({**before, **outputs})
        printer.difference(before, outputs, only=keys, show_sames=True, width=width)
    elif old is None or show_sames:
        shown = {key: value for key, value in outputs.items() if is_worth_showing(value)}
        repeated = {key for key in shown if _repeats(key, inputs, outputs, refreshed)}
        shown = {key: value for key, value in shown.items() if key not in repeated}
        printer.properties(shown, width=_width(outputs))
    return "".join(lines)


def _width(values: Mapping[str, Any]) -> int:
    """How wide names are, of what is not shown too."""
    return max((len(key) for key in values if not is_internal(key)), default=0)


def _changed(before: Mapping[str, Any], after: Mapping[str, Any], *, only_known: bool) -> set[str]:
    added, deleted, changed = changed_keys(before, after)
    if only_known:
        changed = [key for key in changed if primitive(after[key]) != "[unknown]"]
    return {*added, *deleted, *changed}


def _repeats(key: str, inputs: Mapping[str, Any], outputs: Mapping[str, Any], refreshed: bool) -> bool:
    return not refreshed and key in inputs and key in outputs and inputs[key] == outputs[key]

"""Names, signs and colours of what steps do."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.engine.display.markup import (
    BRIGHT_CYAN,
    BRIGHT_GREEN,
    BRIGHT_MAGENTA,
    BRIGHT_RED,
    GREEN,
    RED,
    RESET,
    YELLOW,
)


@dataclass(frozen=True)
class OpText:
    """How an operation is told before, while and after it happens."""

    sign: str
    colour: str
    planned: str
    going_on: str
    done: str
    failed: str
    counted: str
    """In a summary of what was done."""


OPS: dict[str, OpText] = {
    "same": OpText("  ", RESET, "", "", "", "failed", "samed"),
    "create": OpText("+ ", GREEN, "create", "creating", "created", "creating failed", "created"),
    "update": OpText("~ ", YELLOW, "update", "updating", "updated", "updating failed", "updated"),
    "delete": OpText("- ", RED, "delete", "deleting", "deleted", "deleting failed", "deleted"),
    "replace": OpText(
        "+-", BRIGHT_MAGENTA, "replace", "replacing", "replaced", "replacing failed", "replaced"
    ),
    "create-replacement": OpText(
        "++",
        BRIGHT_GREEN,
        "create replacement",
        "creating replacement",
        "created replacement",
        "creating failed",
        "create-replacementd",
    ),
    "delete-replaced": OpText(
        "--",
        BRIGHT_RED,
        "delete original",
        "deleting original",
        "deleted original",
        "deleting failed",
        "deleted",
    ),
    "read": OpText("> ", BRIGHT_CYAN, "read", "reading", "read", "reading failed", "read"),
    "read-replacement": OpText(
        ">>",
        BRIGHT_MAGENTA,
        "read for replacement",
        "reading for replacement",
        "read for replacement",
        "reading failed",
        "read-replacementd",
    ),
    "refresh": OpText("~ ", YELLOW, "refreshing", "refreshing", "refresh", "refreshing failed", "refreshed"),
    "discard": OpText("< ", RED, "discard", "discarding", "discarded", "discarding failed", "discarded"),
    "discard-replaced": OpText(
        "<<",
        RED,
        "discard original",
        "discarding original",
        "discarded original",
        "discarding failed",
        "discarded",
    ),
    "remove-pending-replace": OpText("~ ", RESET, "", "", "", "", "removed"),
    "import": OpText("= ", GREEN, "import", "importing", "imported", "importing failed", "imported"),
    "import-replacement": OpText(
        "=>",
        BRIGHT_MAGENTA,
        "import replacement",
        "importing replacement",
        "imported replacement",
        "importing failed",
        "imported",
    ),
}
"""In the order in which summaries count them."""

REPLACEMENT_STEPS = frozenset(
    {
        "replace",
        "create-replacement",
        "delete-replaced",
        "read-replacement",
        "discard-replaced",
        "remove-pending-replace",
        "import-replacement",
    }
)

_AT_THE_END = {
    "create-replacement": "replace",
    "delete-replaced": "replace",
    "read-replacement": "replace",
    "discard-replaced": "replace",
    "refresh": "refresh",
    "import-replacement": "import",
}


def plan_text(op: str) -> str:
    """What the plan says of a step once it is settled."""
    return _AT_THE_END.get(op, OPS[op].planned)

"""What was decided for a job that another Pulumi program declares: kept in the job's bucket.

Such a program has no configuration of runctl's. Its next run reads the decisions back, so that a price that
moved replaces no machine.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from runctl_auto.errors import ProgramError
from runctl_auto.local.printable import shortened
from runctl_auto.stack.config import StackConfig

DECISIONS_KEY = "decisions.json"
"""Where the bucket keeps them; the machine's role may neither read nor write it."""
MOST_DECISIONS_BYTES = 1 << 20

_FORMAT: Literal[1] = 1


class _Stored(TypedDict):
    format: Literal[1]
    stack: str
    rerun: str | None
    values: dict[str, str]


_STORED = TypeAdapter(_Stored)


@dataclass(frozen=True)
class Decisions:
    """The configuration that was decided, the program's ``stack`` that has the job, and the text that asked
    for its attempt (None: nothing did).
    """

    config: StackConfig
    stack: str
    rerun: str | None = None

    def to_text(self) -> str:
        """As the bucket keeps it. Holds no secret."""
        content: _Stored = {
            "format": _FORMAT,
            "stack": self.stack,
            "rerun": self.rerun,
            "values": self.config.to_values(),
        }
        return json.dumps(content, sort_keys=True, indent=2)


def parse_decisions(content: bytes, bucket: str) -> Decisions:
    """The decisions as ``to_text`` wrote them. Raises ``ProgramError`` when they cannot be read."""
    try:
        if len(content) > MOST_DECISIONS_BYTES:
            raise ValueError("too large")  # noqa: TRY301
        found = _STORED.validate_json(content)
        return Decisions(StackConfig.from_values(found["values"]), found["stack"], found["rerun"])
    except (ValueError, RecursionError, ProgramError) as error:
        raise ProgramError(
            f"The decisions that bucket {bucket} keeps cannot be read: {shortened(str(error))}",
            where={"bucket": bucket},
            next_step=f"Remove the object {DECISIONS_KEY} to let the next `pulumi up` decide again; that may "
            "replace the job's machine.",
        ) from error

"""How others join the container of a running job: what a person sends by `exec`, and shells."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.agent.containers.runtime import Runtime

RECORD = "container.json"
"""What tells it, in the run's folder."""


@dataclass(frozen=True)
class Joining:
    """``variables`` are the names of the job's variables, with a value where the runtime's program must not
    have it among its own."""

    runtime: Runtime
    name: str
    user: str | None
    variables: Mapping[str, str | None]

    @classmethod
    def of(cls, record: Path) -> Joining | None:
        """As the agent has written it; None where no container runs."""
        try:
            found = json.loads(record.read_text(encoding="utf-8"))
            runtime = Runtime(str(found["program"]), bool(found["podman"]))
            return cls(runtime, str(found["name"]), found["user"], dict(found["variables"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def words(
        self, command: Sequence[str], work: Path, *, typed: bool = False, given: bool = False
    ) -> list[str]:
        """The command line that runs ``command`` in the container; ``typed`` on a terminal, ``given`` with
        an input."""
        begin = self.runtime.join(
            self.name, work, self.variables, self.user, with_input=typed or given, with_terminal=typed
        )
        return [*begin, *command]

"""The agent's configuration: the user data's configuration and what the bootstrap added."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.agent.contract import MOST_NODES
from runctl_auto.agent.errors import SpecError
from runctl_auto.agent.keys import node_status_key, status_key
from runctl_auto.agent.start.boot_format import AgentConfigJson


@dataclass(frozen=True)
class AgentConfig:
    """Which run this machine serves. Times are seconds since the epoch.

    `group` is the name of the group that replaces the machine; None for a single instance. `node` is which
    of the run's machines it is, from 0.
    """

    job: str
    run: str
    region: str
    bucket: str
    account: str
    agent_key: str
    agent_sha256: str
    spec_key: str
    spec_sha256: str
    booted_at: float
    deadline_at: float | None
    group: str | None = None
    node: int = 0

    @property
    def status_key(self) -> str:
        """The key of the run's status."""
        return status_key(self.run)

    @property
    def own_status_key(self) -> str:
        """The key of the status that this machine writes: the run's, by node 0."""
        return node_status_key(self.run, self.node)


def parse_config(data: AgentConfigJson) -> AgentConfig:
    """Raises SpecError naming the missing or invalid field."""
    try:
        deadline = data.get("deadline_at")
        return AgentConfig(
            job=str(data["job"]),
            run=str(data["run"]),
            region=str(data["region"]),
            bucket=str(data["bucket"]),
            account=str(data["account"]),
            agent_key=str(data["agent"]["key"]),
            agent_sha256=str(data["agent"]["sha256"]),
            spec_key=str(data["spec_key"]),
            spec_sha256=str(data["spec_sha256"]),
            booted_at=float(data["booted_at"]),
            deadline_at=None if deadline is None else float(deadline),
            group=data.get("group") or None,
            node=_node(data.get("node", 0)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SpecError(f"the agent's configuration is missing or wrong: {error!r}") from error


def _node(value: object) -> int:
    if type(value) is not int or not 0 <= value < MOST_NODES:
        raise ValueError(f"node is {value!r}, not a whole number below {MOST_NODES}")
    return value


def read_config(path: Path) -> AgentConfig:
    """The configuration that the bootstrap wrote to `path`."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SpecError(f"the agent's configuration {path} cannot be read: {error}") from error
    return parse_config(data)


def write_private(path: Path, text: str) -> None:
    """Replaces `path` atomically, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(
        os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)

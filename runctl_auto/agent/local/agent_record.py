"""What the agent of a job on this machine is started with: everything but secrets, which no file holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runctl_auto.agent.errors import SpecError
from runctl_auto.agent.local.capacity import Needs
from runctl_auto.agent.local.in_container import LocalRuntime
from runctl_auto.agent.local.job_folder import JobFolder, read_json, write_json
from runctl_auto.agent.start.config import AgentConfig

HERE = "local"
"""What stands for region, bucket and account, which a job of this machine has none of."""


@dataclass(frozen=True, kw_only=True)
class AgentRecord:
    """``python`` runs the agent; ``environment`` is what the job inherits of the caller's. ``secrets`` are
    the names of the values that the agent is given on its standard input. ``mounts`` are folders of this
    machine by the name of a volume, ``data`` such folders by their path in the work folder; ``runtime`` runs
    the job's container.
    """

    job: str
    run: str
    spec_key: str
    spec_sha256: str
    python: str
    environment: Mapping[str, str]
    needs: Needs
    secrets: tuple[str, ...] = ()
    mounts: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    runtime: LocalRuntime | None = None

    def config(self, began_at: float) -> AgentConfig:
        """As the agent on a machine of a cloud has it."""
        return AgentConfig(
            job=self.job,
            run=self.run,
            region=HERE,
            bucket=HERE,
            account=HERE,
            agent_key=HERE,
            agent_sha256=HERE,
            spec_key=self.spec_key,
            spec_sha256=self.spec_sha256,
            booted_at=began_at,
            deadline_at=None,
        )

    @property
    def mount_points(self) -> dict[str, Path]:
        return {name: Path(path) for name, path in self.mounts.items()}

    def as_json(self) -> dict[str, Any]:
        return {
            "job": self.job,
            "run": self.run,
            "spec_key": self.spec_key,
            "spec_sha256": self.spec_sha256,
            "python": self.python,
            "environment": dict(self.environment),
            "needs": self.needs.as_json(),
            "secrets": list(self.secrets),
            "mounts": dict(self.mounts),
            "data": dict(self.data),
            "runtime": None if self.runtime is None else self.runtime.as_json(),
        }

    def write(self, folder: JobFolder) -> None:
        write_json(folder.record, self.as_json())

    @classmethod
    def of(cls, folder: JobFolder) -> AgentRecord:
        """Raises SpecError without a usable record."""
        found = read_json(folder.record) or {}
        try:
            return cls(
                job=str(found["job"]),
                run=str(found["run"]),
                spec_key=str(found["spec_key"]),
                spec_sha256=str(found["spec_sha256"]),
                python=str(found["python"]),
                environment={str(name): str(value) for name, value in found["environment"].items()},
                needs=Needs.of(found["needs"]),
                secrets=tuple(str(each) for each in found["secrets"]),
                mounts={str(name): str(path) for name, path in found["mounts"].items()},
                data={str(name): str(path) for name, path in found["data"].items()},
                runtime=LocalRuntime.of(found["runtime"]) if found.get("runtime") else None,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SpecError(f"the record {folder.record} cannot be used: {error!r}") from error

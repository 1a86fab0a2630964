"""A run of the agent in this process: a real work folder, a job and a store that are stand-ins."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from support.agent_spec import run_spec
from support.agent_stand_ins import Clock, MemoryStore

from runctl_auto.agent.data.bringing_data import BroughtData
from runctl_auto.agent.errors import AgentError, ScriptNotStartedError
from runctl_auto.agent.job.background import Left, LeftProcess
from runctl_auto.agent.job.output_log import LogShipper
from runctl_auto.agent.job.stopping import StopRequest, StopSwitch
from runctl_auto.agent.keys import artifacts_prefix, checkpoint_prefix, manifest_key, node_logs_prefix
from runctl_auto.agent.machine.machine_identity import MachineIdentity
from runctl_auto.agent.metrics.collecting import Metrics
from runctl_auto.agent.metrics.machine_use import MachineUse
from runctl_auto.agent.run import Run
from runctl_auto.agent.run_tools import RunTools
from runctl_auto.agent.spec import DataSpec, SecretSpec, VolumeSpec
from runctl_auto.agent.start.config import AgentConfig
from runctl_auto.agent.status import Outcome, StatusWriter
from runctl_auto.agent.store.time_limit import TimeLimit

CONFIG = AgentConfig("digits", "r1", "us-east-1", "b", "1", "a", "x", "s", "d", 1_000_000.0, None)
LOGS = node_logs_prefix("r1", 0)
ARTIFACTS = manifest_key(artifacts_prefix("r1"))
CHECKPOINT = checkpoint_prefix("line", "00000000")
DOWN = StopRequest("stopped", "down", "stopped on request (down)", 17)


def packaged(files: Mapping[str, str]) -> bytes:
    """A code package with these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content.encode()))
    return buffer.getvalue()


class ScriptedJob:
    """Ends with a code, or goes on until it is terminated."""

    def __init__(self, code: int | None, meanwhile: Callable[[], None]) -> None:
        self.code = code
        self.meanwhile = meanwhile
        self.grace: float | None = None
        self.cut: frozenset[tuple[int, int]] = frozenset()
        self.running: list[str] = []
        self.ended_left: list[str] = []

    def poll(self) -> int | None:
        self.meanwhile()
        return self.code

    def terminate(self, grace_seconds: float) -> int:
        self.grace = grace_seconds
        return 143

    def cut_off(self) -> frozenset[tuple[int, int]]:
        return self.cut

    def left(self) -> Left:
        return Left(tuple(LeftProcess(n, command) for n, command in enumerate(self.running)))

    def failed(self) -> Sequence[tuple[LeftProcess, int]]:
        return ()

    def finish(self, grace_seconds: float) -> None:
        self.ended_left, self.running = self.running, []

    def keep_services(self) -> None:
        pass


class Volumes:
    def __init__(self) -> None:
        self.error: AgentError | None = None

    def mount_all(self, volumes: tuple[VolumeSpec, ...]) -> dict[str, Path]:
        if self.error:
            raise self.error
        return {}

    def grow_all(self) -> None:
        pass

    def unmount_all(self) -> None:
        pass


class NoNotice:
    def get(self, path: str) -> None:
        return None


class Machine:
    """Collects what a run does. `scripts` says how each script ends and what it does before."""

    def __init__(
        self,
        folder: Path,
        store: MemoryStore,
        clock: Clock,
        status: StatusWriter | None = None,
        code: Mapping[str, str] = MappingProxyType({"train.py": ""}),
        **spec: Any,
    ) -> None:
        self.folder, self.store = folder, store
        self.work = folder / "work"
        self.said: list[str] = []
        self.started: list[tuple[str, Mapping[str, str]]] = []
        self.jobs: list[ScriptedJob] = []
        self.scripts: dict[str, tuple[int | None, Callable[[], None]]] = {}
        self.leaves: dict[str, list[str]] = {}
        self.services_ended = 0
        self.run_limit = TimeLimit(clock)
        self.meanwhile_staging: Callable[[], None] = lambda: None
        self.shells: list[tuple[str, ...]] = []
        self.switch = StopSwitch()
        self.volumes = Volumes()
        self.outcome = Outcome("booting", "none")
        self.status = status or StatusWriter(CONFIG, MachineIdentity("i-1"), store, clock=clock, ticks=clock)
        package = packaged(code)
        store.objects["code/x"] = package
        self.output = folder / "output.log"
        """What the job prints."""
        self.metrics = Metrics(
            store,
            CONFIG.run,
            began=CONFIG.booted_at,
            look=lambda: MachineUse(clock(), None, None, None, None, None, None, None),
            note=lambda summary: self.status.note(metrics=summary),
            say=self.said.append,
            clock=clock,
        )
        self.tools = RunTools(
            config=CONFIG,
            spec=run_spec(code={"key": "code/x", "sha256": hashlib.sha256(package).hexdigest()}, **spec),
            folder=folder,
            store=store,
            metadata=NoNotice(),
            status=self.status,
            logs=LogShipper(
                store,
                LOGS,
                source=folder / "out",
                position_file=folder / "position",
                redaction=None,
            ),
            volumes=self.volumes,
            secrets=self.secrets,
            bring_data=self.bring_data,
            start=self.start,
            switch=self.switch,
            say=self.said.append,
            inherited={},
            home=Path("/root"),
            clock=clock,
            end_services=self.end_services,
            metrics=self.metrics,
            output=self.output,
        )

    def end_services(self) -> None:
        self.services_ended += 1

    def bring_data(
        self, sources: Sequence[DataSpec], work: Path, mounts: Mapping[str, Path]
    ) -> tuple[BroughtData, ...]:
        self.meanwhile_staging()
        for source in sources:
            self.write(f"{source.path}/from", str(source))
        return tuple(BroughtData(str(each), each.strategy, work / each.path) for each in sources)

    def secrets(self, wanted: Sequence[SecretSpec]) -> dict[str, str]:
        return {each.name: f"value of {each.parameter}" for each in wanted}

    def start(self, script: str, environment: Mapping[str, str], shell: Sequence[str]) -> ScriptedJob:
        if shell[0] == "absent":
            raise ScriptNotStartedError("shell names absent, which is not installed", 127)
        self.shells.append(tuple(shell))
        self.started.append((script, environment))
        code, meanwhile = self.scripts.get(script, (0, lambda: None))
        self.jobs.append(ScriptedJob(code, meanwhile))
        self.jobs[-1].running = list(self.leaves.get(script, ()))
        return self.jobs[-1]

    def run(self) -> Outcome:
        run = Run(self.tools)
        self.run_limit = run.limit
        return run.execute()

    def write(self, name: str, text: str) -> None:
        (self.work / name).parent.mkdir(parents=True, exist_ok=True)
        (self.work / name).write_text(text)

    def artifacts(self) -> list[str]:
        manifest = json.loads(self.store.objects[ARTIFACTS])
        return [file["path"] for file in manifest["files"]]

    def phases(self) -> dict[str, float]:
        found: dict[str, float] = self.status.document()["phases"]
        return found

"""What precedes the job's scripts on the machine: secrets, code, container, volumes, data, checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runctl_auto.agent.data import code_package
from runctl_auto.agent.job.job_environment import JobFolders, job_environment
from runctl_auto.agent.job.redaction import HiddenValues
from runctl_auto.agent.metrics.training_sources import LOGGING_FOLDERS, TrainingPlaces
from runctl_auto.agent.run_tools import RunTools
from runctl_auto.agent.saving.own_files import OwnFiles
from runctl_auto.agent.saving.resuming import Resuming
from runctl_auto.agent.store.store import Store
from runctl_auto.agent.tracing import spans


@dataclass(frozen=True)
class Prepared:
    """What the job's scripts get as their environment, and the values that nobody may see."""

    environment: dict[str, str]
    hidden: HiddenValues


class Preparation:
    """Of one run. ``store`` is patient; ``own_files`` are kept when code is unpacked anew."""

    def __init__(self, tools: RunTools, store: Store, own_files: OwnFiles, resuming: Resuming) -> None:
        self._tools = tools
        self._store = store
        self._own_files = own_files
        self._resuming = resuming

    def prepare(self) -> Prepared:
        """Blocks. Raises AgentError, and StopEarly when the run is to stop meanwhile."""
        tools = self._tools
        spec = tools.spec
        tools.switch.stop_if_set()
        # First step: until the secrets to redact are known, no output leaves the machine.
        secrets = tools.secrets(spec.secrets) if spec.secrets else {}
        tools.logs.hide(tuple(secrets.values()))
        hidden = HiddenValues(secrets.values())
        tools.switch.stop_if_set()
        with spans.span("fetch code"):
            is_fresh = code_package.fetch_code(
                self._store,
                spec.code_key,
                spec.code_sha256,
                tools.work,
                unpacked=self._own_files.set_aside,
            )
        if is_fresh or tools.container is not None:
            # A container begins as its image is, also where an earlier agent had prepared one.
            tools.setup_done.unlink(missing_ok=True)
        tools.switch.stop_if_set()
        if tools.container is not None:
            with spans.span("fetch image"):
                tools.container.fetch(tools.secrets)
        with spans.span("mount volumes", volumes=len(spec.volumes)):
            mounts = tools.volumes.mount_all(spec.volumes)
        tools.switch.stop_if_set()
        folders = JobFolders.of(spec, tools.work, mounts)
        folders.make()
        with spans.span("bring data", sources=len(spec.data)):
            data = tools.bring_data(spec.data, tools.work, mounts) if spec.data else ()
        if tools.team is None:
            with spans.span("restore checkpoint"):
                self._resuming.restore()
        metrics = self._read_metrics(folders, hidden, {**spec.env, **secrets})
        if tools.container is not None:
            # Whatever the job is told of is in the container at the same place.
            brought = (path for each in data for path in (each.path, each.cache) if path is not None)
            told = () if metrics is None else (metrics,)
            tools.container.share((folders.data, *mounts.values(), *brought, *told), tuple(secrets))
        environment = job_environment(
            spec,
            folders,
            mounts,
            self._inherited,
            tools.home,
            secrets=secrets,
            data=data,
            traceparent=None if tools.trace is None else str(tools.trace.recorder.parent),
            metrics=metrics,
            gpus=tools.gpus(),
            port=None if tools.master_port is None else tools.master_port(),
        )
        return Prepared(environment, hidden)

    @property
    def _inherited(self) -> Mapping[str, str]:
        """The environment of the machine, or that of the image with what the agent adds."""
        container, own = self._tools.container, self._tools.inherited
        return own if container is None else {**container.environment, **own}

    def _read_metrics(
        self, folders: JobFolders, hidden: HiddenValues, variables: Mapping[str, str]
    ) -> Path | None:
        """Begins to read what the training tells; the file to which it may write more."""
        metrics, output = self._tools.metrics, self._tools.output
        if metrics is None or output is None:
            return None
        objects = self._tools.folder / "metrics.jsonl"
        if self._tools.container is not None:
            objects.touch()
        logging = (self._tools.work / each for each in LOGGING_FOLDERS)
        places = TrainingPlaces(output, objects, (folders.output, folders.checkpoints, *logging))
        metrics.read_training(places, hidden, variables)
        return objects

"""The environment of the job: the variables that a training script can rely on."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from runctl_auto.agent.data.bringing_data import BroughtData
from runctl_auto.agent.nodes.master_port import ports_of
from runctl_auto.agent.nodes.messages import Place
from runctl_auto.agent.nodes.variables import node_variables
from runctl_auto.agent.spec import RunSpec

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
REFERENCE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
# Variables that the service manager sets for the agent's service are not passed to the job.
SERVICE_VARIABLES = {
    "NOTIFY_SOCKET",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LISTEN_FDS",
    "LISTEN_PID",
    "WATCHDOG_USEC",
}


@dataclass(frozen=True)
class JobFolders:
    """Folders passed to the job in variables; all absolute."""

    work: Path
    checkpoints: Path
    output: Path
    data: Path

    @classmethod
    def of(cls, spec: RunSpec, work: Path, mounts: Mapping[str, Path]) -> JobFolders:
        """Output is `output/` and data is `data/` in the work folder, unless a volume is named `data`."""
        return cls(
            work=work,
            checkpoints=work / spec.checkpoints.path,
            output=work / "output",
            data=mounts.get("data", work / "data"),
        )

    def make(self) -> None:
        for folder in (self.checkpoints, self.output, self.data):
            folder.mkdir(parents=True, exist_ok=True)


def job_environment(
    spec: RunSpec,
    folders: JobFolders,
    mounts: Mapping[str, Path],
    inherited: Mapping[str, str],
    home: Path,
    *,
    secrets: Mapping[str, str] = MappingProxyType({}),
    data: Sequence[BroughtData] = (),
    traceparent: str | None = None,
    metrics: Path | None = None,
    gpus: int = 0,
    port: int | None = None,
) -> dict[str, str]:
    """The machine's environment, overridden by the job file's `env` and secrets, then by the contract's
    variables. RUNCTL_DATA tells where each of ``data`` is, as JSON; RUNCTL_METRICS names the file ``metrics``
    that the training may append to; TRACEPARENT is the machine's span where the run is traced.

    A variable of the job file whose name ends in PATH may extend the machine's. A run on one node, with
    ``gpus``, is its own master, at ``port`` (by default the run's preferred one); on several, each common
    start tells where the others are.
    """
    environment = {name: value for name, value in inherited.items() if name not in SERVICE_VARIABLES}
    environment.setdefault("PATH", DEFAULT_PATH)
    environment.setdefault("HOME", str(home))
    environment.setdefault("LANG", "C.UTF-8")
    # Lines appear in the logs when printed, not when a buffer is full.
    environment.setdefault("PYTHONUNBUFFERED", "1")
    environment.update({name: extended(name, value, environment) for name, value in spec.env.items()})
    environment.update(secrets)
    environment.update(
        RUNCTL_JOB=spec.job,
        RUNCTL_RUN_ID=spec.run,
        RUNCTL_CHECKPOINT_DIR=str(folders.checkpoints),
        RUNCTL_OUTPUT_DIR=str(folders.output),
        RUNCTL_DATA_DIR=str(folders.data),
        RUNCTL_NODE_RANK=str(spec.node),
        RUNCTL_NUM_NODES=str(spec.nodes),
        NODE_RANK=str(spec.node),
    )
    if spec.nodes == 1:
        environment.update(node_variables(0, [Place(0, "127.0.0.1", gpus)], port or ports_of(spec.run)[0]))
    if traceparent is not None:
        environment.setdefault("TRACEPARENT", traceparent)
    if metrics is not None:
        environment["RUNCTL_METRICS"] = str(metrics)
    if data:
        environment["RUNCTL_DATA"] = json.dumps([each.as_json() for each in data])
    for name, path in mounts.items():
        environment[volume_variable(name)] = str(path)
    return environment


def extended(name: str, value: str, environment: Mapping[str, str]) -> str:
    """`value` of a search path, with references to itself and to HOME expanded: `/opt/bin:$PATH`.

    An empty part would mean the current folder, so an unset variable leaves no empty part.
    """
    if not name.endswith("PATH"):
        return value
    known = {own: environment.get(own, "") for own in (name, "HOME")}
    parts = [(part, _replaced(part, known)) for part in value.split(":")]
    return ":".join(after for before, after in parts if after or not before)


def _replaced(part: str, known: Mapping[str, str]) -> str:
    home = known["HOME"]
    if part == "~" or part.startswith("~/"):
        part = home + part[1:]
    return REFERENCE.sub(lambda found: known.get(found[1] or found[2], found[0]), part)


def volume_variable(name: str) -> str:
    """The variable that tells a job where a volume is mounted."""
    return f"RUNCTL_VOLUME_{variable_part(name)}"


def variable_part(name: str) -> str:
    """A volume's name as part of a variable's: upper case, other characters than letters and digits become
    `_`.
    """
    return "".join(sign if sign.isascii() and sign.isalnum() else "_" for sign in name).upper()

"""Which run an ``up`` means: the existing one, or a new one.

A run is one attempt at executing one content: setup, run, their shell, env, the names of secrets, data and
code. Tags, limits, volumes, budget and the values of secrets may change without a new run.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass

from runctl_auto.agent.contract import DEFAULT_SHELL
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.job_file.storage import DataSource
from runctl_auto.run.status import RunStatus

RUN_ID_LENGTH = 10
RUN_ID = re.compile(rf"[0-9a-f]{{{RUN_ID_LENGTH}}}")
"""What every run id matches as a whole. Names in a bucket that do not are nobody's run."""


@dataclass(frozen=True)
class RunIdentity:
    """A run of a job. ``lineage`` is the run whose checkpoints it continues (its own id when none);
    ``earlier`` are the runs of the job before it, in order.
    """

    id: str
    attempt: int
    lineage: str
    code_sha256: str
    agent_sha256: str
    earlier: tuple[str, ...] = ()


def run_id(spec: JobSpec, code_sha256: str, attempt: int) -> str:
    """The id of attempt ``attempt`` at the content of ``spec`` and the code."""
    what: list[object] = [spec.setup, spec.run, dict(spec.env), code_sha256, attempt]
    if spec.secrets:
        what.append({"secrets": sorted(spec.secrets)})
    if spec.data:
        what.append({"data": [_data(each) for each in spec.data]})
    if spec.shell != DEFAULT_SHELL:
        what.append({"shell": spec.shell})
    text = json.dumps(what, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:RUN_ID_LENGTH]


def _data(source: DataSource) -> list[str]:
    """What the run's id tells of data: with another strategy the command finds them elsewhere."""
    written = [source.source, source.path]
    return written if source.strategy == "stage" else [*written, source.strategy]


def choose_run(
    spec: JobSpec,
    *,
    code_sha256: str,
    agent_sha256: str,
    previous: RunIdentity | None,
    previous_status: RunStatus | None,
    rerun: bool = False,
    afresh: bool | None = None,
) -> RunIdentity:
    """The run that applying ``spec`` means, after ``previous`` (None: the job never ran).

    The same content is the same run, whether it is active or has ended, and keeps its agent, so that applying
    it again changes nothing. Otherwise a new attempt begins; attempts only increase, so that no run ever
    finds the status of an earlier one. It continues from the checkpoints of the previous run unless that
    succeeded; ``afresh`` decides otherwise.
    """
    if previous is None:
        first = run_id(spec, code_sha256, 1)
        return RunIdentity(first, 1, first, code_sha256, agent_sha256)
    if not rerun and previous.id == run_id(spec, code_sha256, previous.attempt):
        return previous
    attempt = previous.attempt + 1
    new = run_id(spec, code_sha256, attempt)
    if afresh is None:
        afresh = previous_status is not None and previous_status.succeeded
    return RunIdentity(
        new,
        attempt,
        new if afresh else previous.lineage,
        code_sha256,
        agent_sha256,
        earlier=(*previous.earlier, previous.id),
    )

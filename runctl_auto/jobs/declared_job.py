"""Decides about a job that another Pulumi program declares, as ``up`` decides about one of runctl's own.

The program's stack holds no configuration of runctl's: what was decided before is ``Decisions``, which the
job's bucket keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runctl_auto.cost.book import PriceBook
from runctl_auto.engine.policy_pack import PackInForce
from runctl_auto.errors import UsageError
from runctl_auto.jobs.check import CheckedJob
from runctl_auto.jobs.current_job import NEW_JOB, CurrentJob
from runctl_auto.jobs.intent import decide
from runctl_auto.jobs.material import Material
from runctl_auto.jobs.notices.webhook_address import with_webhook
from runctl_auto.jobs.reporting import NobodyThere
from runctl_auto.jobs.secret_values import SecretValues
from runctl_auto.jobs.session import Surroundings, Time
from runctl_auto.local.project import ProjectFolders
from runctl_auto.providers.contract import Provider
from runctl_auto.settings.schema import Settings
from runctl_auto.stack.decisions import Decisions


@dataclass(frozen=True)
class ProgramSurroundings:
    """What deciding needs, in a process of another program's. ``backend`` is None unless the program tells
    it."""

    settings: Settings
    folders: ProjectFolders
    reporter: ProgramReporter
    make_provider: Callable[[str | None], Provider]
    backend: str | None = None
    program: Path | None = None
    policies: PackInForce | None = None
    time: Time = field(default_factory=Time)
    prices: PriceBook = field(default_factory=PriceBook)

    def provider(self, region: str | None = None) -> Provider:
        """The provider of a region. Asks nobody."""
        return self.make_provider(region)


@dataclass(frozen=True)
class ProgramReporter(NobodyThere):
    """Tells what happens through ``say``. The engine and its plan belong to the program."""

    said: Callable[[str], None]

    def say(self, text: str) -> None:
        self.said(text)


def decide_declared(
    surroundings: Surroundings,
    checked: CheckedJob,
    material: Material,
    before: tuple[Decisions, CurrentJob] | None,
    *,
    rerun: str | None,
    stack: str,
    environ: Mapping[str, str],
) -> Decisions:
    """What the job is to be in the program's ``stack``.

    ``before`` is what was decided and the job as it is, None for a new one. Another text in ``rerun`` than
    was decided with makes a new attempt. Asks the cloud for places when a new one is needed. Raises
    ``UsageError`` when another stack of the program has the job, or when ``environ`` has no fit address of
    its webhook.
    """
    held, current = before if before is not None else (None, NEW_JOB)
    if held is not None and held.stack != stack:
        job = checked.spec.name
        raise UsageError(
            f"Job '{job}' belongs to stack '{held.stack}' of this program, not to '{stack}'.",
            where={"job": job},
            next_step="Give the job of each stack a name of its own, such as one that ends with the stack's.",
        )
    asked_again = held is not None and rerun is not None and rerun != held.rerun
    intent = decide(surroundings, checked.spec, current, material, rerun=asked_again, variables=environ)
    intent = with_webhook(intent, SecretValues(), environ, {})
    if held is None or held.config.run.id != intent.config.run.id:
        for note in intent.notes:
            surroundings.reporter.say(note)
    remembered = held.rerun if held is not None and rerun is None else rerun
    return Decisions(intent.config, stack, remembered)

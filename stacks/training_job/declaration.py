"""From the inputs of ``TrainingJob`` to what it declares: the job, what is decided for it, its resources."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from components.naming import Names
from components.run_objects import TextObject
from components.training_environment import TrainingEnvironment
from runctl_auto.backend.mark import backend_mark
from runctl_auto.cost.book import PriceBook, kept_prices_folder
from runctl_auto.engine.environment import make_provider
from runctl_auto.errors import RunctlError, UsageError
from runctl_auto.job_file.load import job_file_of_values, load_job_file
from runctl_auto.jobs.check import CheckedJob, check_loaded
from runctl_auto.jobs.current_job import CurrentJob
from runctl_auto.jobs.declared_job import ProgramReporter, ProgramSurroundings, decide_declared
from runctl_auto.jobs.material import gather
from runctl_auto.jobs.secret_values import choose_secrets
from runctl_auto.local.project import find_project
from runctl_auto.program import DeclaredRun
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.clients import client_maker
from runctl_auto.providers.aws.kept_decisions import read_decisions
from runctl_auto.providers.aws.tagged_state import tagged_state
from runctl_auto.run.status import RunStatus
from runctl_auto.settings.sources import load_settings
from runctl_auto.stack.config import NAMESPACE, StackConfig
from runctl_auto.stack.decisions import DECISIONS_KEY, Decisions
from stacks.training_job.fields import OWN_INPUTS, TrainingJobArgs


@dataclass(frozen=True)
class Declaration:
    """A job as it is to be declared. ``status`` is that of the decided run."""

    decided: Decisions
    run_of: DeclaredRun
    cloud: Cloud
    status: RunStatus | None
    packages: Path
    secrets: Mapping[str, pulumi.Input[str]]

    @property
    def job(self) -> str:
        return self.decided.config.job.name

    @property
    def run(self) -> str:
        return self.decided.config.run.id

    def declare(self, parent: pulumi.Resource) -> tuple[StackConfig, TrainingEnvironment]:
        """Declares the job's resources below ``parent``."""
        child = pulumi.ResourceOptions(parent=parent)
        # Two jobs of a program have a provider each: it carries their tags.
        provider = self.run_of.provider(f"{self.job}-aws", child)
        environment = self.run_of.environment(
            self.cloud,
            self.status,
            packages=self.packages,
            secrets=self.secrets,
            opts=pulumi.ResourceOptions(parent=parent, providers=[provider]),
            decisions=TextObject(key=DECISIONS_KEY, content=self.decided.to_text()),
        )
        assert isinstance(environment, TrainingEnvironment)  # noqa: S101 - the job's provider is AWS
        return self.decided.config, environment


def declaration(name: str, args: TrainingJobArgs) -> Declaration:
    """What a resource ``name`` with the inputs ``args`` means. Packages the work folder and asks the cloud.

    Expected errors are raised as ``pulumi.RunError``, as a sentence with the next step.
    """
    try:
        return _declaration(name, args)
    except RunctlError as error:
        said = [str(error), *(f"{key}: {value}" for key, value in error.where.items()), error.next_step]
        raise pulumi.RunError("\n".join(line for line in said if line)) from error


def _declaration(name: str, args: TrainingJobArgs) -> Declaration:
    checked = checked_job(name, args, Path.cwd())
    spec, site = checked.spec, _Site.of_program()
    if spec.clouds != ("aws",):
        elsewhere = ", ".join(each for each in spec.clouds or (spec.provider,) if each != "aws")
        raise UsageError(
            f"TrainingJob declares jobs on AWS, and job '{spec.name}' names {elsewhere}.",
            where={"job": spec.name},
            next_step="Start the job with `runctl up`.",
        )
    folders = find_project(checked.file.path.parent)
    folders.refuse_planted()
    settings = load_settings(folders, os.environ, {})
    cloud = Cloud(client_maker(settings.aws.endpoint_url, as_engine=True), spec.region)
    surroundings = ProgramSurroundings(
        settings,
        folders,
        ProgramReporter(pulumi.log.info),
        lambda region: make_provider(settings.aws.endpoint_url, region, as_engine=True),
        backend=site.backend,
        prices=PriceBook(kept_prices_folder(os.environ)),
    )
    material = gather(surroundings, checked)
    names = Names(account=material.account.id, region=spec.region, project=site.project, job=spec.name)
    held = read_decisions(cloud, names)
    before = None if held is None else (held, _current(cloud, site, held))
    given = args.get("secret_values")
    decided = decide_declared(
        surroundings,
        checked,
        material,
        before,
        rerun=args.get("rerun"),
        stack=site.stack,
        environ={**os.environ, **_plain(given)},
    )
    run_of = site.run_of(decided.config)
    return Declaration(
        decided,
        run_of,
        cloud,
        run_of.status(cloud),
        folders.make_private("packages"),
        secrets_of(spec.name, decided.config.secret_names, given, os.environ),
    )


@dataclass(frozen=True)
class _Site:
    """The program's stack. ``backend`` is the address of its backend if the configuration names it
    (``runctl:backend``), ``mark`` what resources carry in any case: without one, ``runctl leaks`` would take
    them for its own.
    """

    project: str
    stack: str
    backend: str | None
    mark: str

    @classmethod
    def of_program(cls) -> _Site:
        project, stack = pulumi.get_project(), pulumi.get_stack()
        backend = pulumi.Config(NAMESPACE).get("backend")
        mark = backend_mark(backend or f"program:{pulumi.get_organization()}/{project}/{stack}")
        return cls(project, stack, backend, mark)

    def run_of(self, config: StackConfig) -> DeclaredRun:
        return DeclaredRun(config, self.project, self.stack, self.mark)


def _current(cloud: Cloud, site: _Site, held: Decisions) -> CurrentJob:
    """The job as it is. Its state is what carries its tags: that of the program's stack is not at hand."""
    run_of, config = site.run_of(held.config), held.config
    state = tagged_state(cloud, run_of.names, config.job, run=config.run.id, identity=run_of.identity)
    return CurrentJob(config, state, run_of.status(cloud))


def checked_job(name: str, args: TrainingJobArgs, folder: Path) -> CheckedJob:
    """The job that a resource ``name`` asks for; paths are relative to ``folder``.

    Raises ``UsageError`` for a job file and fields at once, else as ``jobs.check`` does.
    """
    fields = {key: value for key, value in args.items() if key not in OWN_INPUTS}
    path = args.get("job_file")
    if path is None:
        return check_loaded(
            job_file_of_values({"name": name, **_whole(fields)}, folder / f"TrainingJob {name}")
        )
    if fields:
        raise UsageError(
            f"TrainingJob '{name}' has a job file and also {', '.join(sorted(fields))}.",
            next_step="Give either jobFile, or the fields of a job file.",
        )
    return check_loaded(load_job_file(folder / path))


def _whole(value: Any) -> Any:
    """Whole numbers as such: all numbers arrive as floats."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _whole(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole(each) for each in value]
    return value


def secrets_of(
    job: str, names: Sequence[str], given: Any, environ: Mapping[str, str]
) -> dict[str, pulumi.Input[str]]:
    """A secret value for each of ``names``: from ``given``, else from ``environ``.

    Raises ``UsageError`` for one that has none. Of values that are not known yet, as outputs of other
    resources, the engine is told as soon as they are.
    """
    if isinstance(given, pulumi.Output):
        return {name: pulumi.Output.secret(given[name]) for name in names}
    values, plain = dict(given or {}), _plain(given)
    later = {name: values[name] for name in names if name in values and name not in plain}
    known = [name for name in names if name not in later]
    found = choose_secrets(job, known, {**environ, **plain}, {}).values
    return {name: pulumi.Output.secret({**found, **later}[name]) for name in names}


def _plain(given: Any) -> dict[str, str]:
    """The values that are known already."""
    if given is None or isinstance(given, pulumi.Output):
        return {}
    return {name: value for name, value in given.items() if isinstance(value, str)}

"""What the backend and the runs tell of many jobs, without an engine: a few requests, and one a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from runctl_auto.backend.history import HistoryRecord
from runctl_auto.errors import RunctlError
from runctl_auto.jobs.job import parse_config
from runctl_auto.jobs.session import Session
from runctl_auto.providers.compute import Compute, compute_in
from runctl_auto.providers.contract import RunKey
from runctl_auto.run.status import RunStatus
from runctl_auto.stack.config import StackConfig, source_in
from runctl_auto.stack.kinds import of_kinds
from runctl_auto.stack.source import Source
from runctl_auto.stack.state import StackState


@dataclass(frozen=True, kw_only=True)
class KnownStack:
    """A stack as it is. ``config`` is what its last operation was given, None where that is not known;
    ``is_applied``: that was an update which succeeded. ``problem`` is why something is not known.

    ``status`` of the run, and whether the cloud says that its ``machine`` runs, are None until asked for.
    """

    name: str
    config: StackConfig | None = None
    source: Source | None = None
    is_applied: bool = False
    state: StackState | None = None
    status: RunStatus | None = None
    machine_runs: bool | None = None
    problem: RunctlError | None = None

    @property
    def has_compute(self) -> bool:
        return self.state is not None and compute_in(self.state).exists


def known_stacks(session: Session) -> dict[str, KnownStack]:
    """The stacks of all jobs in the backend by name, with configuration and source; no states and statuses.
    Blocks.
    """
    backend = session.driver.backend
    names = backend.stack_names()
    records = backend.newest_records() if names is not None else None
    if names is None or records is None:
        return {each.name: _by_engine(session, each.name) for each in session.driver.jobs()}
    jobs = of_kinds(names, ("job",))
    return {name: _recorded(session, name, records.get(name)) for name in jobs}


def _recorded(session: Session, name: str, record: HistoryRecord | None) -> KnownStack:
    """Of a stack whose first operation was killed there is no record, but what was decided here."""
    try:
        values = session.driver.config_here(name) or {} if record is None else record.config
        config, source = parse_config(values), source_in(values)
    except RunctlError as error:
        return KnownStack(name=name, problem=error)
    is_applied = record is not None and record.is_complete_update
    return KnownStack(name=name, config=config, source=source, is_applied=is_applied)


def _by_engine(session: Session, name: str) -> KnownStack:
    """Of a backend that only an engine reads: nothing tells whether the last operation succeeded."""
    try:
        config = parse_config(session.driver.config_of(name))
    except RunctlError as error:
        return KnownStack(name=name, problem=error)
    return KnownStack(name=name, config=config, source=None if config is None else config.source)


def with_states(session: Session, stacks: Sequence[KnownStack]) -> list[KnownStack]:
    """The stacks with their states. Blocks."""
    states = session.driver.states([each.name for each in stacks]) if stacks else {}
    found = []
    for each in stacks:
        state = states[each.name]
        if isinstance(state, RunctlError):
            found.append(replace(each, problem=each.problem or state))
        else:
            found.append(replace(each, state=state))
    return found


def with_runs(session: Session, stacks: Sequence[KnownStack]) -> list[KnownStack]:
    """The stacks with the statuses of their runs: a request for each, several at a time. Blocks."""
    found = {each.name: each for each in stacks}
    regions: dict[str, list[StackConfig]] = {}
    for each in stacks:
        if each.config is not None:
            regions.setdefault(each.config.placement.region, []).append(each.config)
    for region, configs in regions.items():
        statuses = _statuses(session, region, [_key(each) for each in configs])
        for config, status in zip(configs, statuses, strict=True):
            known = found[config.job.name]
            if isinstance(status, RunctlError):
                found[known.name] = replace(known, problem=known.problem or status)
            else:
                found[known.name] = replace(known, status=status)
    return list(found.values())


def with_machines(session: Session, stacks: Sequence[KnownStack]) -> list[KnownStack]:
    """The stacks with what the cloud says of their machines: a few requests for each region. Blocks."""
    found = {each.name: each for each in stacks}
    regions: dict[str, list[KnownStack]] = {}
    for each in stacks:
        if each.config is not None and each.has_compute:
            regions.setdefault(each.config.placement.region, []).append(each)
    for region, members in regions.items():
        provider = session.provider(region)
        try:
            machines = provider.machines([each.instance for each in map(_compute, members) if each.instance])
            for each in members:
                compute = _compute(each)
                machine = machines.get(compute.instance or "")
                runs = compute.now(provider).runs if machine is None else not machine.is_ending
                found[each.name] = replace(each, machine_runs=runs)
        except RunctlError as error:
            for each in members:
                known = found[each.name]
                if known.machine_runs is None:
                    found[each.name] = replace(known, problem=known.problem or error)
    return list(found.values())


def _compute(known: KnownStack) -> Compute:
    return Compute() if known.state is None else compute_in(known.state)


def _statuses(
    session: Session, region: str, keys: Sequence[RunKey]
) -> Sequence[RunStatus | RunctlError | None]:
    try:
        return session.provider(region).statuses(keys)
    except RunctlError as error:
        return [error] * len(keys)


def _key(config: StackConfig) -> RunKey:
    return RunKey(config.job.name, config.placement.account, config.run.id)

"""Volumes and snapshots that people name: those with stacks of their own, those of jobs, and bare ids."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runctl_auto.errors import NotFoundError, RunctlError, UsageError
from runctl_auto.jobs.job import parse_config
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.storage.stack import stored
from runctl_auto.protection.held import held_in
from runctl_auto.stack.kinds import StorageKind, kind_of, name_in, stack_of
from runctl_auto.stack.state import StackState
from runctl_auto.stack.storage_config import StorageConfig, storage_config

_IDS = {"volume": re.compile(r"vol-[0-9a-f]{8,17}"), "snapshot": re.compile(r"snap-[0-9a-f]{8,17}")}
_MOST_NAMED = 12


@dataclass(frozen=True, kw_only=True)
class Named:
    """What a name or an id stands for. ``called`` is how people refer to it."""

    id: str
    region: str
    size_gb: int
    called: str
    zone: str | None = None
    account: str | None = None


def named_snapshot(session: Session, text: str, region: str | None) -> Named:
    """The snapshot of this name, or with this id in ``region``. Raises ``UsageError`` when there is none."""
    if _IDS["snapshot"].fullmatch(text):
        provider = session.provider(region)
        found = provider.storage.snapshot(text)
        if found is None:
            raise UsageError(
                f"There is no snapshot {text} in {provider.region}, or it is not shared with this account.",
                where={"snapshot": text, "region": provider.region},
                next_step="`runctl snapshot ls` lists those with a name; --region names another region.",
            )
        _refuse_incomplete(text, found.state)
        return Named(id=text, region=provider.region, size_gb=found.size_gb, called=text)
    named = find_named(session, "snapshot", text)
    if region is not None and region != named.region:
        raise UsageError(
            f"Snapshot '{text}' is in {named.region}, and a volume of it can only be made there.",
            where={"snapshot": text, "region": region},
            next_step=f"`runctl snapshot copy {text} NAME --region {region}` copies it there.",
        )
    return named


def named_volume(session: Session, text: str, region: str | None) -> Named:
    """The volume of this name, ``JOB/VOLUME`` of a job, or the one with this id in ``region``.

    Raises ``UsageError`` when there is none.
    """
    if _IDS["volume"].fullmatch(text):
        provider = session.provider(region)
        found = provider.storage.volumes([text]).get(text)
        if found is None:
            raise UsageError(
                f"There is no volume {text} in {provider.region}.",
                where={"volume": text, "region": provider.region},
                next_step="`runctl volume ls` lists those with a name; --region names another region.",
            )
        return Named(id=text, region=provider.region, size_gb=found.size_gb, called=text, zone=found.zone)
    if "/" in text:
        return _of_job(session, text)
    return find_named(session, "volume", text)


def find_named(session: Session, kind: StorageKind, name: str) -> Named:
    """The volume or snapshot with a stack of this name. Reads the backend. Raises ``UsageError`` without
    it.
    """
    stack = stack_of(kind, name)
    there = [each.name for each in session.driver.stacks() if kind_of(each.name) == kind]
    if stack not in there:
        names = [name_in(each) for each in there]
        listed = ", ".join(names[:_MOST_NAMED]) or "none"
        raise UsageError(
            f"There is no {kind} '{name}' in this backend.",
            where={kind: name},
            next_step=f"Those that there are: {listed}. `runctl {kind} create {name}` makes one.",
        )
    config = storage_config(session.driver.config_of(stack))
    state = _state(session, stack)
    found = stored(state, kind)
    if config is None or found is None:
        raise UsageError(
            f"The creation of {kind} '{name}' was not completed.",
            where={kind: name},
            next_step=f"Repeat `runctl {kind} create {name}` as it was asked for.",
        )
    return _named(config, found.id)


def _named(config: StorageConfig, identity: str) -> Named:
    return Named(
        id=identity,
        region=config.region,
        size_gb=config.size_gb,
        called=config.name,
        zone=getattr(config, "zone", None),
        account=config.account,
    )


def _of_job(session: Session, text: str) -> Named:
    job, _, volume = text.partition("/")
    if job not in {each.name for each in session.driver.jobs()}:
        raise UsageError(
            f"There is no job '{job}' in this backend.",
            where={"job": job},
            next_step="`runctl ls` lists the jobs that are there.",
        )
    held = [each for each in held_in(job, _state(session, job)) if each.kind == "volume" and each.id]
    for each in held:
        if each.name == volume and each.zone:
            return Named(
                id=each.id,
                region=_region_of(session, job),
                size_gb=each.size_gb or 0,
                called=text,
                zone=each.zone,
            )
    raise UsageError(
        f"Job '{job}' has no volume '{volume}'.",
        where={"job": job, "volume": volume},
        next_step=f"Its volumes: {', '.join(each.name for each in held) or 'none'}.",
    )


def _region_of(session: Session, job: str) -> str:
    config = parse_config(session.driver.config_of(job))
    if config is None:
        raise UsageError(f"Job '{job}' was never set up.", where={"job": job})
    return config.region


def _state(session: Session, stack: str) -> StackState:
    state = session.driver.states([stack])[stack]
    if isinstance(state, RunctlError):
        raise state
    return state


def _refuse_incomplete(snapshot: str, state: str) -> None:
    if state != "completed":
        raise NotFoundError(
            f"The snapshot {snapshot} is not complete: it is {state}.",
            where={"snapshot": snapshot},
            next_step="Wait until it is completed.",
        )

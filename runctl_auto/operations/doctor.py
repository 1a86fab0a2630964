"""Looks whether all is there that a command needs, and says how to get what is not. Changes nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from runctl_auto.engine import environment
from runctl_auto.engine.choice import Engine, choose_engine
from runctl_auto.engine.driver import Driver
from runctl_auto.engine.environment import Environment
from runctl_auto.engine.project_program import program_in_force
from runctl_auto.errors import AccessDeniedError, CloudError, RunctlError
from runctl_auto.local.project import ProjectFolders
from runctl_auto.providers.contract import CallerIdentity, Provider
from runctl_auto.settings.schema import Settings

Verdict = Literal["ok", "note", "problem"]
PACKAGES = ("runctl", "pulumi", "pulumi_aws", "pulumi_policy", "botocore")
_MAX_SKEW_SECONDS = 240.0


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. ``fix`` says what to do about a problem, or may be done about a note."""

    subject: str
    verdict: Verdict
    what: str
    fix: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Practice:
    """What the doctor works with. ``make_provider`` and ``engine_caller`` get an endpoint, None for the usual
    one, and ``region``, None for that of the person's own settings."""

    folders: ProjectFolders
    environ: Mapping[str, str]
    load_settings: Callable[[], Settings]
    make_provider: Callable[[str | None, str | None], Provider]
    engine_caller: Callable[[str | None, str | None], CallerIdentity]
    progress: Callable[[str], None]
    region: str | None = None
    now: Callable[[], datetime] = lambda: datetime.now(timezone.utc)
    choose_engine: Callable[[str | None, Mapping[str, str]], Engine] = choose_engine
    driver: Callable[[Environment, ProjectFolders], Driver] = Driver


def examine(practice: Practice) -> Iterator[Finding]:
    """All findings, one as soon as it is there. Blocks between them; raises nothing that it can tell."""
    yield _installed()
    try:
        settings = practice.load_settings()
    except RunctlError as error:
        yield _problem("settings", error)
        return
    yield _settings(practice, settings)
    yield _private_folder(practice.folders)
    yield from _program(settings, practice.folders)
    engine = None
    try:
        engine = practice.choose_engine(settings.engine.path, practice.environ)
        yield _engine(engine, settings)
    except RunctlError as error:
        yield _problem("engine", error)
    place = None
    if engine is not None:
        try:
            place = _place(practice, settings, engine)
        except RunctlError as error:
            yield _problem("sandbox" if settings.sandbox else "backend", error)
    if place is not None:
        yield from _backend(practice, place)
    yield _sandbox(practice.folders)
    if place is not None or not settings.sandbox:
        yield from _cloud(practice, settings, place)


def _installed() -> Finding:
    found = {name: _version(name) for name in PACKAGES}
    listed = ", ".join(f"{name} {number or 'missing'}" for name, number in found.items())
    what = f"Python {sys.version.split()[0]}, {listed}"
    if all(found.values()):
        return Finding("installed", "ok", what)
    return Finding("installed", "problem", what, "Install runctl again: what it needs is not all there.")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _settings(practice: Practice, settings: Settings) -> Finding:
    file = practice.folders.settings_file
    source = str(file) if file.exists() else "defaults, environment and options"
    return Finding("settings", "ok", f"{source}; owner {settings.owner}")


def _private_folder(folders: ProjectFolders) -> Finding:
    folder = folders.private
    nearest = next(each for each in (folder, *folder.parents) if each.exists())
    if not os.access(nearest, os.W_OK):
        return Finding("project", "problem", f"{nearest} is not writable", "Work in a folder of your own.")
    if folder.exists() and folder.stat().st_mode & 0o077:
        return Finding(
            "project", "problem", f"{folder} is open to other users", f"Close it: chmod 700 {folder}"
        )
    return Finding("project", "ok", str(folders.root))


def _program(settings: Settings, folders: ProjectFolders) -> Iterator[Finding]:
    """Tells of a program that is not runctl's own; nothing when that one runs."""
    try:
        program = program_in_force(settings.engine, folders)
    except RunctlError as error:
        yield _problem("program", error)
        return
    if program is not None:
        yield Finding("program", "note", f"{program} runs in place of runctl's own, as your settings say")


def _engine(engine: Engine, settings: Settings) -> Finding:
    what = f"pulumi {engine.version} in {engine.folder} ({engine.why})"
    if settings.sandbox:
        return Finding("engine", "ok", what)
    pinned = _version("pulumi_aws")
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    if (home / "plugins" / f"resource-aws-v{pinned}").exists():
        return Finding("engine", "ok", f"{what}, plugin aws {pinned}")
    return Finding("engine", "note", f"{what}; its plugin aws {pinned} is not there yet", "runctl setup")


def _place(practice: Practice, settings: Settings, engine: Engine) -> Environment:
    if settings.sandbox:
        return environment.sandbox(practice.folders, practice.progress, engine)
    return environment.real_cloud(settings, practice.folders, practice.environ, engine)


def _backend(practice: Practice, place: Environment) -> Iterator[Finding]:
    place.enter()
    try:
        jobs = practice.driver(place, practice.folders).jobs()
        yield Finding("backend", "ok", f"{place.backend}, {len(jobs)} jobs")
    except RunctlError as error:
        yield replace(_problem("backend", error), what=f"{place.backend}: {error.what}")
    file = place.variables.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if file is None:
        yield Finding("secrets", "ok", f"provider {place.secrets_provider}")
    elif not os.access(file, os.R_OK):
        yield Finding(
            "secrets",
            "problem",
            f"the passphrase file {file} cannot be read",
            "Restore it: without it secrets in the stacks cannot be read.",
        )
    elif Path(file).stat().st_mode & 0o077:
        yield Finding(
            "secrets", "problem", f"the passphrase file {file} is open to others", f"chmod 600 {file}"
        )
    else:
        local = urlsplit(place.backend).scheme == "file" and not place.sandbox
        what = f"passphrase in {file}"
        yield Finding(
            "secrets", "note" if local else "ok", what, _keep(place.backend, file) if local else None
        )


def _keep(backend: str, file: str) -> str:
    return (
        f"Back up {unquote(urlsplit(backend).path)} and {file} together; "
        "a team uses a shared backend and a key service (docs/guide/teams.md)."
    )


def _sandbox(folders: ProjectFolders) -> Finding:
    found = environment.sandbox_status(folders)
    if found.phase in ("failed", "crashed"):
        return Finding("sandbox", "problem", found.message or found.phase, "runctl sandbox stop, then start")
    if not found.running:
        return Finding("sandbox", "ok", "stopped; `--sandbox` starts it")
    dead = [each.name for each in found.processes if not each.alive]
    if dead:
        return Finding("sandbox", "problem", f"not alive: {', '.join(dead)}", "runctl sandbox stop")
    what = f"runs at {found.cloud_url}, hosts isolated by {found.isolation}"
    if found.isolation == "plain":
        why = found.isolation_reason or "no namespaces"
        return Finding("sandbox", "note", f"{what} ({why})", "Install bubblewrap to isolate its machines.")
    return Finding("sandbox", "ok", what)


def _cloud(practice: Practice, settings: Settings, place: Environment | None) -> Iterator[Finding]:
    endpoint = place.endpoint_url if place is not None else settings.aws.endpoint_url
    try:
        identity = place.identity if place else environment.enter_identity(settings, practice.environ)
        provider = practice.make_provider(endpoint, practice.region)
        caller = provider.caller()
    except RunctlError as error:
        yield _problem("credentials", error)
        return
    yield Finding("credentials", "ok", f"runctl: account {caller.account}, {caller.name}, {identity}")
    if identity.ignored:
        what = f"{', '.join(identity.ignored)}: set, and ignored, since the {identity} is used"
        yield Finding("credentials", "note", what, "Unset them, or name no profile to use them.")
    yield from _engine_identity(practice, endpoint, caller, place)
    yield from _clock(practice, caller)
    try:
        zones = provider.zones()
        yield Finding("region", "ok", f"{provider.region}, {len(zones)} zones; a job names its own region")
    except RunctlError as error:
        yield replace(_problem("region", error), what=f"{provider.region}: {error.what}")
        return
    yield from _quotas(provider)


def _engine_identity(
    practice: Practice, endpoint: str | None, caller: CallerIdentity, place: Environment | None
) -> Iterator[Finding]:
    """Who the engine is, for its backend and key service, and who its AWS provider is."""
    try:
        found = practice.engine_caller(endpoint, practice.region)
    except RunctlError as error:
        yield replace(_problem("credentials", error), what=f"provider: {error.what}")
        return
    uses = _engine_uses(place) if place is not None else ()
    if uses:
        yield _compared("engine", found, caller, f", for {' and '.join(uses)}")
    elif place is not None:
        yield Finding("credentials", "ok", "engine: needs none, its backend and its key are not on AWS")
    yield _compared("provider", found, caller)


def _engine_uses(place: Environment) -> tuple[str, ...]:
    """What of AWS the engine itself uses."""
    addresses = (place.backend, place.secrets_provider)
    return tuple(each for each in addresses if each.startswith(("s3:", "awskms:")))


def _compared(who: str, found: CallerIdentity, caller: CallerIdentity, purpose: str = "") -> Finding:
    what = f"{who}: account {found.account}, {found.name}{purpose}"
    if (found.account, found.name) == (caller.account, caller.name):
        return Finding("credentials", "ok", what)
    fix = "Name a profile (aws.profile or AWS_PROFILE): runctl, engine and provider then use it."
    return Finding("credentials", "problem", f"{what}; that is not runctl's", fix)


def _clock(practice: Practice, caller: CallerIdentity) -> Iterator[Finding]:
    if caller.answered_at is None:
        return
    skew = abs((practice.now() - caller.answered_at).total_seconds())
    if skew > _MAX_SKEW_SECONDS:
        yield Finding(
            "clock",
            "problem",
            f"this machine's clock differs from AWS's by {skew:.0f} s",
            "Set the clock; AWS refuses requests that are five minutes off.",
        )


def _quotas(provider: Provider) -> Iterator[Finding]:
    try:
        found = provider.quotas()
    except AccessDeniedError as error:
        yield Finding("quotas", "note", error.what, "Allow servicequotas:GetServiceQuota to see them.")
        return
    except CloudError as error:
        yield Finding("quotas", "note", f"cannot be read: {error.what}", error.next_step)
        return
    usable = [each for each in found if each.value > 0]
    if usable:
        yield Finding("quotas", "ok", ", ".join(f"{each.value:g} {each.name}" for each in usable))
    for each in found:
        if each.value <= 0:
            what = f"0 {each.name} in {provider.region}: none of these machines can start"
            yield Finding("quotas", "problem", what, f"Request more, unless you need none: {each.link}")


def _problem(subject: str, error: RunctlError) -> Finding:
    return Finding(subject, "problem", str(error), error.next_step)

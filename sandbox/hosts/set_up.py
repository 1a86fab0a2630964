"""Prepares what all hosts of a sandbox share: interpreter, programs, settings and isolation."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.hosts import interpreter as interpreters
from sandbox.hosts.binds import PROGRAMS_INSIDE
from sandbox.hosts.cloud_client import CloudClient
from sandbox.hosts.host import HostSetting
from sandbox.hosts.host_store import HostStore
from sandbox.hosts.interpreter import Interpreter
from sandbox.hosts.isolation import Isolation, choose_isolation
from sandbox.hosts.launch import PlainLauncher
from sandbox.hosts.machine_settings import MachineSettings, machine_settings
from sandbox.hosts.metadata_service import Sources
from sandbox.hosts.programs_folder import make_programs
from sandbox.hosts.throwaway_user import free_uid


@dataclass(frozen=True)
class SetUp:
    setting: HostSetting
    isolation: Isolation


def set_up(folder: Path, client: CloudClient, environment: Mapping[str, str]) -> SetUp:
    """Choose the isolation and create the shared folders. Raises IsolationError or OSError.

    Every manager of the cloud's folder calls this; running hosts keep the programs they started with.
    """
    caller = interpreters.of_caller()
    store = HostStore(folder, private=False)
    make_programs(store.programs, PROGRAMS_INSIDE, caller)
    settings = _settings(environment, store.programs, PROGRAMS_INSIDE)
    isolation = choose_isolation(environment, store.programs, caller, settings.folders)
    sources = Sources(client.user_data, client.instance_profile, client.role_credentials)
    if isolation.launcher is not None:
        setting = HostSetting(store, isolation.launcher, True, caller, settings, client.url, sources)
        return SetUp(setting, isolation)
    as_root = os.geteuid() == 0
    if as_root:
        store = HostStore(folder, private=True)
    reachable = _reachable(caller, store) if as_root else caller
    programs = store.plain_programs
    make_programs(programs, programs, reachable)
    settings = _settings(environment, programs, programs)
    launcher = PlainLauncher(programs)
    setting = HostSetting(store, launcher, False, reachable, settings, client.url, sources, as_root)
    return SetUp(setting, isolation)


def _settings(environment: Mapping[str, str], programs: Path, programs_inside: Path) -> MachineSettings:
    home = Path(environment.get("HOME") or "/nonexistent")
    return machine_settings(environment, programs / "certificates", programs_inside / "certificates", home)


def _reachable(caller: Interpreter, store: HostStore) -> Interpreter:
    """The caller's interpreter, or a copy if a throwaway user could not run it at its path."""
    if interpreters.usable_by(caller, free_uid(())):
        return caller
    return interpreters.copy_to(store.interpreter_copy, caller)

"""Configurations and states of volumes and snapshots with stacks of their own, and a world of fakes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

from support.job_stacks import Told
from support.sessions import ACCOUNT, fake_provider, fake_session

from runctl_auto.engine.driver import Driver, JobSummary
from runctl_auto.engine.events import Plan, PlannedChange
from runctl_auto.engine.job_stack import Changes, JobStack
from runctl_auto.errors import JobNotFoundError, RunctlError
from runctl_auto.jobs.session import Session
from runctl_auto.providers.storage import Storage, StoredVolume
from runctl_auto.settings.schema import Settings
from runctl_auto.stack.kinds import kind_of
from runctl_auto.stack.state import StackState, parse_state
from runctl_auto.stack.storage_config import SnapshotConfig, VolumeConfig

_COMMON = {"account": ACCOUNT, "partition": "aws", "region": "us-east-1", "owner": "bob", "size_gb": 10}


def volume_config(**changes: Any) -> VolumeConfig:
    return VolumeConfig(**{**_COMMON, "name": "data", "zone": "us-east-1a", **changes})


def snapshot_config(**changes: Any) -> SnapshotConfig:
    return SnapshotConfig(
        **{**_COMMON, "name": "base", "volume": "vol-1", "origin": "volume data", **changes}
    )


def storage_state(config: VolumeConfig | SnapshotConfig, identity: str, **more: Any) -> StackState:
    """As the program makes it; ``more`` replaces fields of the volume or snapshot."""
    is_volume = isinstance(config, VolumeConfig)
    component = "runctl:aws:DataVolume" if is_volume else "runctl:aws:VolumeSnapshot"
    token = "aws:ebs/volume:Volume" if is_volume else "aws:ebs/snapshot:Snapshot"
    prefix = f"urn:pulumi:{config.stack}::runctl::"
    parent = f"{prefix}{component}::{config.name}"
    return parse_state(
        {
            "resources": [
                {"urn": parent, "type": component, "custom": False, "protect": config.protect},
                {
                    "urn": f"{prefix}{component}${token}::{config.name}-{config.kind}",
                    "type": token,
                    "id": identity,
                    "custom": True,
                    "parent": parent,
                    "protect": config.protect,
                    "created": "2026-01-01T00:00:00Z",
                    "outputs": {
                        "size": config.size_gb,
                        "availabilityZone": "us-east-1a",
                        "region": config.region,
                    },
                    **more,
                },
            ]
        }
    )


class StorageWorld:
    """A backend with stacks of volumes, snapshots and jobs over fakes.

    ``stacks`` are their configurations, ``states`` their states. An update makes the state ``made``.
    """

    def __init__(self, folder: Path, *, agrees: bool = True, settings: Settings | None = None) -> None:
        self.stacks: dict[str, dict[str, str]] = {}
        self.states: dict[str, StackState | RunctlError] = {}
        self.made: StackState | None = None
        self.engines: dict[str, Any] = {}
        self.told = Told(agrees=agrees)
        self.storage: Any = create_autospec(Storage, instance=True)
        self.storage.volumes.return_value = {}
        self.storage.snapshot.return_value = None
        self.storage.called.return_value = ()
        self.storage.modification.return_value = None
        self.provider: Any = fake_provider()
        self.provider.storage = self.storage
        self.provider.volume_fillings.return_value = {}
        self.provider.zones.return_value = ("us-east-1a", "us-east-1b")
        self.driver: Any = create_autospec(Driver, instance=True)
        self.driver.stack_names.side_effect = lambda: tuple(sorted(self.stacks))
        self.driver.stacks.side_effect = lambda: tuple(
            JobSummary(each, 1, None, False) for each in sorted(self.stacks)
        )
        self.driver.jobs.side_effect = lambda: tuple(
            JobSummary(each, 1, None, False) for each in sorted(self.stacks) if kind_of(each) == "job"
        )
        self.driver.config_of.side_effect = lambda stack: self.stacks[stack]
        self.driver.states.side_effect = lambda stacks, *_: {
            each: self.states.get(each, StackState((), ())) for each in stacks
        }
        self.driver.open.side_effect = self._open
        self.driver.create.side_effect = self._create
        self.session: Session = fake_session(
            folder, driver=self.driver, provider=self.provider, told=self.told, settings=settings
        )

    def add(self, config: Any, identity: str | None = "vol-1", **more: Any) -> None:
        """A volume or snapshot that exists; without ``identity`` one whose creation was interrupted."""
        self.stacks[config.stack] = config.to_values()
        if identity is not None:
            self.states[config.stack] = storage_state(config, identity, **more)

    def exists(self, identity: str = "vol-1", **more: Any) -> None:
        """The volume is in the cloud."""
        fields = {"zone": "us-east-1a", "size_gb": 10, "state": "available", **more}
        self.storage.volumes.return_value = {identity: StoredVolume(id=identity, **fields)}

    def plans(self, *operations: str) -> Plan:
        return Plan(
            tuple(PlannedChange(each, "aws:ebs/volume:Volume", "data-volume", "urn") for each in operations),
            0,
        )

    def _open(self, stack: str) -> Any:
        if stack not in self.stacks:
            raise JobNotFoundError("no such stack")
        return self.engine(stack)

    def _create(self, stack: str) -> Any:
        self.stacks[stack] = {}
        return self.engine(stack)

    def engine(self, stack: str) -> Any:
        """The engine's side of a stack."""
        if stack not in self.engines:
            engine: Any = create_autospec(JobStack, instance=True)
            engine.job = stack
            engine.broken_creations = frozenset()
            engine.failed_deletions = ()
            engine.unfinished.return_value = ()
            engine.sealed_secrets.return_value = None
            engine.config.side_effect = lambda: dict(self.stacks.get(stack, {}))
            engine.set_config.side_effect = partial(self._configure, stack)
            engine.state.side_effect = lambda: self.states.get(stack, StackState((), ()))
            engine.preview.return_value = self.plans("create")
            engine.preview_destroy.return_value = self.plans("delete")
            engine.up.side_effect = lambda **_: self._update(stack)
            engine.destroy.side_effect = lambda **_: self._destroy(stack)
            engine.remove.side_effect = partial(self.stacks.pop, stack)
            self.engines[stack] = engine
        return self.engines[stack]

    def _configure(self, stack: str, values: dict[str, str]) -> None:
        self.stacks[stack].update(values)

    def _update(self, stack: str) -> Changes:
        if self.made is not None:
            self.states[stack] = self.made
        return Changes({"update": 1})

    def _destroy(self, stack: str) -> Changes:
        self.states[stack] = StackState((), ())
        return Changes({"delete": 1})

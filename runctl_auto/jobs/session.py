"""What every operation works with: settings, folders, cloud, engine, and the way to a job's bucket."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from components.naming import Names
from runctl_auto.engine.driver import Driver
from runctl_auto.engine.environment import Environment
from runctl_auto.engine.job_stack import JobStack
from runctl_auto.errors import JobNotFoundError
from runctl_auto.jobs.reporting import Reporter
from runctl_auto.local.project import PROJECT_NAME, ProjectFolders
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.bucket import JobBucket
from runctl_auto.settings.schema import Settings
from runctl_auto.stack.config import StackConfig


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass(frozen=True)
class Time:
    """The clock, replaceable in tests. ``monotonic`` counts seconds; ``now`` is in UTC."""

    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = _utc_now


@dataclass(frozen=True)
class Session:
    """One command's surroundings. ``shell`` is the environment that the person started the command with."""

    settings: Settings
    folders: ProjectFolders
    environment: Environment
    driver: Driver
    reporter: Reporter
    time: Time = field(default_factory=Time)
    shell: Mapping[str, str] = field(default_factory=dict, repr=False)
    _clouds: dict[str, Cloud] = field(default_factory=dict)

    def cloud(self, region: str) -> Cloud:
        """The region of the account that the credentials reach; its clients are made once."""
        if region not in self._clouds:
            self._clouds[region] = Cloud(self.environment.clients(), region, sleep=self.time.sleep)
        return self._clouds[region]

    def home_of(self, job: str) -> Path:
        """The folder of what is brought home of a job: a folder for each run."""
        return self.folders.root / self.settings.checkpoint.directory / job

    def bucket(self, config: StackConfig, cloud: Cloud) -> JobBucket:
        """The job's bucket, by its deterministic name; it need not exist."""
        place = config.placement
        names = Names(account=place.account, region=place.region, project=PROJECT_NAME, job=config.job.name)
        return JobBucket(cloud, names.bucket(), place.account)


def applied_config(stack: JobStack) -> StackConfig:
    """The configuration of a job that was set up before. Raises ``JobNotFoundError`` when it never was."""
    config = known_config(stack)
    if config is None:
        raise JobNotFoundError(
            f"Job '{stack.job}' was never set up: its stack has no configuration.",
            where={"job": stack.job},
            next_step=f"`runctl up JOB.yaml` sets it up, `runctl down {stack.job}` removes it.",
        )
    return config


def known_config(stack: JobStack) -> StackConfig | None:
    """The configuration of the job's stack; None when it has none yet."""
    return parse_config(stack.config())


def parse_config(values: Mapping[str, str]) -> StackConfig | None:
    """The configuration from a stack's values; None when it was never set up."""
    if f"{PROJECT_NAME}:placement" not in values:
        return None
    return StackConfig.from_values(values)

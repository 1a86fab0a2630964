"""What a machine is told when it boots, from its stack's configuration: where its agent and its spec are, and
when it must end.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from components.naming import GROUP_LIMIT, Names
from runctl_auto.agent.contract import DEADLINE_SLACK_SECONDS, END_SCHEDULE_SLACK_SECONDS
from runctl_auto.agent.keys import spec_key
from runctl_auto.agent.packages import package_key
from runctl_auto.agent.spec import spec_digest
from runctl_auto.agent.start.boot_format import PartOfUserDataJson, UserDataJson
from runctl_auto.job_file.storage import Volume
from runctl_auto.stack.cloud_run_spec import run_spec
from runctl_auto.stack.config import Market, StackConfig


def user_data_config(config: StackConfig, names: Names, node: int | None = None) -> UserDataJson:
    """The machine's boot configuration: where its agent and its spec are, when it must terminate, and which
    ``node`` of several it is.
    """
    boot = boot_config(config, names.bucket())
    if config.group is None:
        return boot if node is None else {**boot, "market": market_of(config, node), "node": node}
    ends_at: PartOfUserDataJson = {} if config.ends_at is None else {"ends_at": config.ends_at}
    return {**boot, "group": group_name(config, names), **ends_at}


def group_name(config: StackConfig, names: Names) -> str:
    """The name of the run's group. What would replace an instance is part of it, and replaces the group."""
    placement = config.placement
    content = {
        "boot": boot_config(config, names.bucket()),
        "image": placement.image,
        "disk_gb": config.disk_gb,
        "public_address": placement.public_address,
        "ends_at": config.ends_at,
    }
    return names.name("group", limit=GROUP_LIMIT, content=content)


def market_of(config: StackConfig, node: int) -> Market:
    """The market of one of several machines."""
    return "on-demand" if node in config.job.on_demand_ranks else config.placement.market


def end_after_seconds(config: StackConfig) -> int | None:
    """When the cloud's schedule terminates a machine, counted from its creation; None when disabled, or when
    the job has no max_duration.
    """
    if not config.end_schedule or config.job.max_duration is None:
        return None
    return config.job.max_duration + DEADLINE_SLACK_SECONDS + END_SCHEDULE_SLACK_SECONDS


def boot_config(config: StackConfig, bucket: str) -> UserDataJson:
    """What is the same for every machine of the run. ``bucket`` is the job's."""
    job, run, placement = config.job, config.run, config.placement
    return {
        "job": job.name,
        "run": run.id,
        "region": placement.region,
        "bucket": bucket,
        "account": placement.account,
        "agent": {"key": package_key("agent", run.agent_sha256), "sha256": run.agent_sha256},
        "spec_key": spec_key(run.id),
        "spec_sha256": spec_digest({**run_spec(config), "volumes": _mounts(job.volumes)}),
        # Not read on the machine: it mounts volumes at its start, so other volumes require another machine.
        "mounts": _digest({volume.name: _mounted(volume) for volume in job.volumes}),
        "market": placement.market,
        "deadline_seconds": None if job.max_duration is None else job.max_duration + DEADLINE_SLACK_SECONDS,
    }


def _mounts(volumes: Sequence[Volume]) -> list[dict[str, str]]:
    """The volumes as far as a machine is started for them; the ids of new ones are not known yet."""
    return [{"name": volume.name, "mount": volume.mount} for volume in volumes]


def _mounted(volume: Volume) -> str:
    return volume.mount if volume.id is None else f"{volume.id} {volume.mount}"


def _digest(content: object) -> str:
    """Twelve hex digits: user data is too small for a list of arbitrary length."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]

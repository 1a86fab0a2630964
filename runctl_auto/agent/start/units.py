"""systemd units: the agent's service and the timer of the hard deadline."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from types import MappingProxyType

AGENT_SERVICE = "runctl-agent.service"
DEADLINE_SERVICE = "runctl-deadline.service"
DEADLINE_TIMER = "runctl-deadline.timer"
END_GROUP = "end-group"
"""The argument with which the agent's bundle ends the group of this machine."""
END_GROUP_SECONDS = 90
NO_VARIABLES: Mapping[str, str] = MappingProxyType({})


def agent_service(bundle: Path, environment: Mapping[str, str]) -> str:
    """Restarted on failure and on reboot; stopping it leaves time for a last checkpoint."""
    return f"""[Unit]
Description=runctl agent
Wants=network-online.target
After=network-online.target

[Service]
Type=simple
ExecStart=/usr/bin/env python3 {bundle}
{_environment(environment)}Restart=on-failure
RestartSec=5
TimeoutStopSec=120
KillMode=mixed

[Install]
WantedBy=multi-user.target
"""


def deadline_units(
    deadline_at: float | None, bundle: Path | None = None, environment: Mapping[str, str] = NO_VARIABLES
) -> dict[str, str]:
    """Units, by name, that end the machine at `deadline_at` even if the agent is dead; none for None.

    `bundle` is the agent of a machine whose group is ended first: else the group would make another one.
    """
    if deadline_at is None:
        return {}
    moment = datetime.fromtimestamp(deadline_at, tz=timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    first = "" if bundle is None else _end_group(bundle, environment)
    return {
        DEADLINE_SERVICE: f"""[Unit]
Description=runctl hard deadline

[Service]
Type=oneshot
{first}ExecStart=/usr/bin/env shutdown -h now
""",
        DEADLINE_TIMER: f"""[Unit]
Description=runctl hard deadline

[Timer]
OnCalendar={moment}
AccuracySec=1s
Persistent=true

[Install]
WantedBy=timers.target
""",
    }


def _end_group(bundle: Path, environment: Mapping[str, str]) -> str:
    """Whatever it comes to, the machine shuts down after it."""
    command = f"/usr/bin/env timeout {END_GROUP_SECONDS} python3 {bundle} {END_GROUP}"
    return f"{_environment(environment)}ExecStartPre=-{command}\n"


def _environment(variables: Mapping[str, str]) -> str:
    lines = []
    for name, value in sorted(variables.items()):
        quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
        lines.append(f'Environment="{name}={quoted}"\n')
    return "".join(lines)

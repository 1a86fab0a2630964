"""Installs the agent as a service of this machine, with the timer of its hard deadline."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from runctl_auto.agent.errors import ProgramError, SpecError
from runctl_auto.agent.machine.machine import RunProgram
from runctl_auto.agent.reach.launcher import launcher, launcher_path
from runctl_auto.agent.start.boot_format import AgentConfigJson
from runctl_auto.agent.start.config import parse_config, write_private
from runctl_auto.agent.start.layout import Layout, variables_of
from runctl_auto.agent.start.units import AGENT_SERVICE, DEADLINE_TIMER, agent_service, deadline_units

SYSTEMCTL_SECONDS = 90.0


def install(
    text: str, layout: Layout, environment: Mapping[str, str], run: RunProgram, say: Callable[[str], None]
) -> None:
    """Writes configuration and units and starts them; idempotent. `text` is the bootstrap's configuration.

    The deadline counts from this machine's first boot. Raises SpecError and ProgramError.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise SpecError(f"the agent's configuration is no JSON: {error}") from error
    config = parse_config(with_deadline(data))
    bundle = layout.agent(config.agent_sha256)
    write_private(layout.config, json.dumps(with_deadline(data)))
    variables = variables_of(environment)
    deadline = deadline_units(config.deadline_at, bundle if config.group else None, variables)
    layout.units.mkdir(parents=True, exist_ok=True)
    for name, unit in {AGENT_SERVICE: agent_service(bundle, variables), **deadline}.items():
        (layout.units / name).write_text(unit, encoding="utf-8")
    path = launcher_path(layout)
    path.write_text(launcher(bundle, environment), encoding="utf-8")
    path.chmod(0o755)
    _systemctl(run, "daemon-reload")
    if deadline:
        _systemctl(run, "enable", "--now", DEADLINE_TIMER)
    _systemctl(run, "enable", "--now", AGENT_SERVICE)
    say(f"the agent of job {config.job}, run {config.run} is started")


def configure(text: str, layout: Layout) -> None:
    """Writes the configuration only: a pod has no service manager. `text` is as for `install`."""
    try:
        data = with_deadline(json.loads(text))
    except ValueError as error:
        raise SpecError(f"the agent's configuration is no JSON: {error}") from error
    parse_config(data)
    write_private(layout.config, json.dumps(data))


def with_deadline(data: AgentConfigJson) -> AgentConfigJson:
    """The configuration with `deadline_seconds` as an absolute time, the run's latest end at most."""
    limit = data.get("deadline_seconds")
    if limit is None:
        return {**data, "deadline_at": None}
    deadline = float(data["booted_at"]) + float(limit)
    return {**data, "deadline_at": min(deadline, float(data.get("ends_at", deadline)))}


def _systemctl(run: RunProgram, *arguments: str) -> None:
    done = run(("systemctl", *arguments), timeout=SYSTEMCTL_SECONDS)
    if done.code != 0:
        raise ProgramError(f"systemctl {' '.join(arguments)} failed ({done.code}): {done.output}")

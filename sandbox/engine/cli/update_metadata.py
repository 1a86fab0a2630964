"""What the history keeps of how an operation was started."""

from __future__ import annotations

import platform
from collections.abc import Mapping

from sandbox.engine.cli.flags import FlagKind, FlagValues
from sandbox.engine.cli.truth import is_truthy
from sandbox.engine.model import ENGINE_VERSION

_EXEC_KINDS = ("auto.inline", "auto.local", "cli")
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_SWITCHES = frozenset(
    "PULUMI_" + name
    for name in (
        "EXPERIMENTAL",
        "SKIP_UPDATE_CHECK",
        "DEV",
        "SKIP_CHECKPOINTS",
        "DEBUG_COMMANDS",
        "IGNORE_AMBIENT_PLUGINS",
        "DISABLE_AUTOMATIC_PLUGIN_ACQUISITION",
        "SKIP_CONFIRMATIONS",
        "ERROR_ON_DEPENDENCY_CYCLES",
        "AUTOMATION_API_SKIP_VERSION_CHECK",
        "CONTINUE_ON_ERROR",
        "FALLBACK_TO_STATE_SECRETS_MANAGER",
        "DISABLE_SECRET_CACHE",
        "PARALLEL_DIFF",
        "RUN_PROGRAM",
        "DISABLE_PROVIDER_PREVIEW",
        "DISABLE_RESOURCE_REFERENCES",
        "DISABLE_OUTPUT_VALUES",
        "DISABLE_VALIDATION",
    )
)
"""Variables that are on or off; of all others only that they are set is kept, never their value."""


def update_environment(environment: Mapping[str, str], flags: FlagValues) -> dict[str, str]:
    """The facts by name."""
    facts = {
        f"pulumi.env.{name}": _switch_text(value) if name in _SWITCHES else "set"
        for name, value in environment.items()
        if name.startswith("PULUMI_")
    }
    facts["pulumi.version"] = f"v{ENGINE_VERSION}"
    facts["pulumi.os"] = platform.system().lower()
    facts["pulumi.arch"] = _MACHINES.get(platform.machine(), platform.machine())
    for name in flags.given:
        is_switch = flags.declared[name].kind is FlagKind.SWITCH
        facts[f"pulumi.flag.{name}"] = ("true" if flags.on(name) else "false") if is_switch else "set"
    kind = flags.text("exec-kind")
    facts["exec.kind"] = kind if kind in _EXEC_KINDS else "cli"
    if flags.text("exec-agent"):
        facts["exec.agent"] = flags.text("exec-agent")
    facts["updatePlan"] = "false"
    facts["stack.environments"] = "[]"
    return facts


def _switch_text(value: str) -> str:
    return "true" if is_truthy(value) else "false"

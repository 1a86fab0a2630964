"""The edge to Pulumi's Automation API: its executable, its errors as typed ones, its events as plain data."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runctl_auto.engine.engine_version import RememberedVersions
from runctl_auto.engine.events import (
    DiagnosticEvent,
    EngineEvent,
    PolicyEvent,
    StepEvent,
    SummaryEvent,
)
from runctl_auto.engine.failures import Failure, typed_error
from runctl_auto.engine.install.place import executable
from runctl_auto.engine.refresh_plan import Difference, ResourceDrift, differences
from runctl_auto.errors import EngineError, EngineNotFoundError

if TYPE_CHECKING:
    from pulumi import automation
    from pulumi.automation import events as automation_events


def engine_command(root: Path, *, tied: bool = False) -> automation.PulumiCommand:
    """The engine ``root/bin/pulumi``; ``tied``: it ends with this process.

    It is started only if its version is not remembered. Raises ``EngineNotFoundError`` if it does not start.
    """
    from runctl_auto.engine.lean_automation import KnownCommand
    from runctl_auto.engine.tied_engine import TiedCommand

    version = RememberedVersions(os.environ).version(executable(root))
    try:
        return (TiedCommand if tied else KnownCommand)(root, version or "")
    except ValueError as error:
        raise EngineNotFoundError(
            f"The engine in {root} does not start, or does not tell its version.",
            next_step="`runctl setup` installs the pinned engine; RUNCTL_ENGINE names another.",
        ) from error


def install_plugin(root: Path, name: str, version: str) -> bool:
    """Installs a provider's plugin with the CLI in ``root``; False when it was there. Blocks; needs the
    network then. Raises ``EngineNotFoundError`` when it cannot be had."""
    from pulumi import automation

    try:
        with tempfile.TemporaryDirectory(prefix="runctl-setup-") as folder:
            workspace = automation.LocalWorkspace(work_dir=folder, pulumi_command=engine_command(root))
            held = {(each.name, each.version) for each in workspace.list_plugins()}
            if (name, version) in held:
                return False
            workspace.install_plugin(name, f"v{version}")
            return True
    except (automation.CommandError, OSError, ValueError) as error:
        raise EngineNotFoundError(
            f"The plugin {name} {version} could not be installed: {_last_line(error)}",
            where={"plugin": name},
            next_step="Check that get.pulumi.com and github.com can be reached, or bring the archive: "
            f"pulumi plugin install resource {name} v{version} --file ARCHIVE",
        ) from error


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next(
        (line for line in reversed(lines) if line not in ("stdout:", "stderr:")), type(error).__name__
    )


def set_secret(workspace: automation.LocalWorkspace, stack: str, key: str, value: str) -> None:
    """Sets an encrypted value. It travels by standard input: what is an argument, every process may read.

    Raises what Automation API's own commands raise.
    """
    from pulumi import automation

    command = [workspace.pulumi_command.command, "config", "set", key, "--secret", "--stack", stack]
    done = subprocess.run(
        [*command, "--non-interactive"],
        input=value,
        capture_output=True,
        text=True,
        cwd=workspace.work_dir,
        env={**os.environ, **workspace.env_vars},
        check=False,
    )
    if done.returncode != 0:
        raise automation.CommandError(
            automation.CommandResult(stdout=done.stdout, stderr=done.stderr, code=done.returncode)
        )


@contextmanager
def translated(operation: str, job: str, events: list[EngineEvent] | None = None) -> Iterator[None]:
    """Turns what the Automation API raises into the typed error that says how to react."""
    from pulumi import automation

    try:
        yield
    except automation.CommandError as error:
        result = _command_result(error)
        failure = Failure(operation, job, *result, events=tuple(events or ()))
        raise typed_error(failure) from error
    except (RuntimeError, ValueError, OSError) as error:
        raise EngineError(
            f"The {operation} of job '{job}' failed: {error}",
            where={"job": job, "operation": operation},
            next_step="Repeat with -v to see all that the engine said.",
        ) from error


def _command_result(error: Exception) -> tuple[int, str, str]:
    """Exit code, stdout and stderr; the exception carries them as its text only."""
    text = str(error)
    code, _, rest = text.partition("\n stdout: ")
    stdout, _, stderr = rest.rpartition("\n stderr: ")
    number = code.replace("code:", "").strip()
    return (int(number) if number.lstrip("-").isdigit() else 1), stdout, stderr


def plain_events(event: automation_events.EngineEvent) -> Iterator[EngineEvent]:
    """What ``event`` tells; nothing for what nobody needs, such as debug messages."""
    if event.resource_pre_event is not None:
        yield _step("started", event.resource_pre_event.metadata)
    if event.res_outputs_event is not None:
        yield _step("done", event.res_outputs_event.metadata)
    if event.res_op_failed_event is not None:
        yield _step("failed", event.res_op_failed_event.metadata)
    told = event.diagnostic_event
    if told is not None and not told.ephemeral and told.severity != "debug":
        yield DiagnosticEvent(told.severity, told.message, told.urn or "")
    if event.policy_event is not None:
        broken = event.policy_event
        yield PolicyEvent(
            broken.policy_name,
            broken.policy_pack_name,
            broken.enforcement_level,
            broken.message,
            broken.resource_urn or "",
        )
    if event.summary_event is not None:
        summary = event.summary_event
        yield SummaryEvent(
            tuple((str(_word(name)), count) for name, count in summary.resource_changes.items()),
            summary.duration_seconds,
        )


_REFRESHED = {"update": "changed", "delete": "gone"}


def drift_in(event: automation_events.EngineEvent) -> ResourceDrift | None:
    """What an event of a refresh tells of a resource that is not as the state has it.

    None too when nothing of what the program sets differs.
    """
    metadata = event.res_outputs_event.metadata if event.res_outputs_event is not None else None
    if metadata is None or metadata.old is None or not metadata.old.custom:
        return None
    kind: Any = _REFRESHED.get(_word(metadata.op))
    if kind is None:
        return None
    old, new = metadata.old, metadata.new
    found: tuple[Difference, ...] = ()
    if kind == "changed":
        found = differences(
            old.inputs or {},
            (new.inputs if new else None) or {},
            old.outputs or {},
            (new.outputs if new else None) or {},
        )
        if not found:
            return None
    return ResourceDrift(kind, metadata.urn, metadata.type, old.id or "", bool(old.protect), found)


def _step(stage: Any, metadata: automation_events.StepEventMetadata) -> StepEvent:
    state = metadata.new or metadata.old
    return StepEvent(
        stage=stage,
        operation=_word(metadata.op),
        urn=metadata.urn,
        type=metadata.type,
        changed=tuple(metadata.diffs or ()),
        replaced_by=tuple(metadata.keys or ()),
        protected=bool(metadata.old and metadata.old.protect),
        physical_id=(state.id if state else "") or "",
    )


def _word(operation: Any) -> str:
    return str(getattr(operation, "value", operation))

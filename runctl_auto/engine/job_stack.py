"""The stack of one job: its configuration, what the engine does to it, and its state.

With ``driver`` and ``automation_edge`` the only user of ``pulumi.automation``. Every method blocks until the
engine is done. What fails is raised as a typed error of ``runctl_auto.errors``; what the engine tells
meanwhile goes to the event sink as ``engine.events``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runctl_auto.backend.backend import Backend
from runctl_auto.backend.unfinished import Period, unfinished_periods
from runctl_auto.engine.automation_edge import drift_in, set_secret, translated
from runctl_auto.engine.dead_owners import DeadOwners
from runctl_auto.engine.engine_options import EngineOptions
from runctl_auto.engine.environment import KEY_OF_RUNPOD
from runctl_auto.engine.events import (
    EventSink,
    FailedDeletion,
    Plan,
    PlannedChange,
    StepEvent,
    changes_in,
)
from runctl_auto.engine.operation import Operations
from runctl_auto.engine.program_host import ProgramHost
from runctl_auto.engine.provider_host.host import is_of_runpod
from runctl_auto.engine.violations import advice_in, advised_in
from runctl_auto.errors import EngineError, StackLockedError
from runctl_auto.stack.config import NAMESPACE, SECRETS_KEY
from runctl_auto.stack.settings_file import (
    BACKEND_KEY,
    encrypted_value,
    put_encrypted_value,
    read_config,
    settings_file,
    write_config,
)
from runctl_auto.stack.state import BUCKET, StackState, parse_state, version_of

if TYPE_CHECKING:
    from pulumi import automation
    from pulumi.automation import events as automation_events

    from runctl_auto.engine.refresh_plan import ResourceDrift

_NO_SUMMARY = "summary event never found"
_SECRETS = f"{NAMESPACE}:{SECRETS_KEY}"


@dataclass(frozen=True)
class Changes:
    """What an operation did: how many resources met each of Pulumi's operations."""

    counts: Mapping[str, int]

    @property
    def nothing(self) -> bool:
        return not any(count for operation, count in self.counts.items() if operation != "same")


class JobStack:
    """The stack of one job."""

    def __init__(
        self,
        stack: automation.Stack,
        workspace: automation.LocalWorkspace,
        backend: Backend,
        options: EngineOptions,
        host: ProgramHost,
        *,
        note: Callable[[str], None] = lambda _stack: None,
    ) -> None:
        """``note`` hears the stack's name when an operation of this command is in the history."""
        self.job: str = stack.name
        self._stack = stack
        self._advised: set[str] = set()
        self._workspace = workspace
        self._backend = backend
        self._host = host
        self._options = options
        self._note = note
        self._dead_owners = DeadOwners(self.job, backend, options, stack.cancel)
        self._operations = Operations(self.job, workspace, options, self._dead_owners)

    @property
    def broken_creations(self) -> frozenset[str]:
        """Types of what the last operation failed to create: what of it exists, the state may not know."""
        return self._operations.broken_creations

    @property
    def failed_deletions(self) -> tuple[FailedDeletion, ...]:
        """What the last operation failed to delete."""
        return self._operations.failed_deletions

    def config(self) -> dict[str, str]:
        """The job's configuration by full key (``runctl:job``). Empty for a new stack."""
        return read_config(settings_file(Path(self._workspace.work_dir), self.job))

    def set_config(self, values: Mapping[str, str]) -> None:
        """Makes these full keys hold these values; others stay. Writes only what differs."""
        from pulumi import automation

        held = self.config()
        wanted = {**values, BACKEND_KEY: self._backend.url}
        changed = {key: value for key, value in wanted.items() if held.get(key) != value}
        if not changed:
            return
        with translated("configuration", self.job):
            if write_config(settings_file(Path(self._workspace.work_dir), self.job), changed):
                return
            texts = {key: automation.ConfigValue(value) for key, value in changed.items()}
            self._workspace.set_all_config(self.job, texts)

    def secrets(self) -> dict[str, str]:
        """The values of the job's secrets by name, decrypted; empty when the stack holds none."""
        if self.sealed_secrets() is None:
            return {}
        with translated("reading of the secrets", self.job):
            return dict(json.loads(self._workspace.get_config(self.job, _SECRETS).value))

    def set_secrets(self, values: Mapping[str, str]) -> None:
        """Keeps the values in the stack's configuration, encrypted. Writes only what differs."""
        if values == self.secrets():
            return
        if not values:
            self.restore_secrets(None)
            return
        with translated("keeping of the secrets", self.job):
            set_secret(self._workspace, self.job, _SECRETS, json.dumps(dict(values), sort_keys=True))

    def sealed_secrets(self) -> str | None:
        """The secrets as they are kept, to be put back by ``restore_secrets``; None when there are none."""
        return encrypted_value(settings_file(Path(self._workspace.work_dir), self.job), _SECRETS)

    def restore_secrets(self, sealed: str | None) -> None:
        """Takes back what ``set_secrets`` did since ``sealed_secrets`` was asked."""
        if self.sealed_secrets() != sealed:
            put_encrypted_value(settings_file(Path(self._workspace.work_dir), self.job), _SECRETS, sealed)

    def preview(self, *, refresh: bool = False, only: Sequence[str] = ()) -> Plan:
        """What ``up`` would do. Changes nothing, neither in the cloud nor in the state."""
        self._attach_host()
        plan = self._planned(
            "preview",
            self._stack.preview,
            refresh=refresh or None,
            target=list(only) or None,
            parallel=self._options.parallel,
            **self._judging(),
        )
        pack = self._options.policies
        return plan if pack is None else replace(plan, advice=(*pack.notes, *plan.advice))

    def preview_destroy(self) -> Plan:
        """What ``destroy`` would do."""
        try:
            return self._planned(
                "preview of the teardown", self._stack.preview_destroy, exclude_protected=True
            )
        except EngineError as error:
            if _NO_SUMMARY in str(error.__cause__):  # all that is left is protected: nothing was planned
                return Plan((), 0)
            raise

    def preview_refresh(self) -> tuple[ResourceDrift, ...]:
        """What a refresh would find changed, by URN. Changes neither the cloud nor the state."""
        found: dict[str, ResourceDrift] = {}

        def note(event: automation_events.EngineEvent) -> None:
            drift = drift_in(event)
            if drift is not None:
                found[drift.urn] = drift

        try:
            self._ready().run(
                "preview of a refresh",
                self._stack.preview_refresh,
                {"parallel": self._options.parallel, "show_secrets": False},
                only_planned=True,
                raw=note,
            )
        except EngineError as error:
            if _NO_SUMMARY not in str(error.__cause__):  # a stack without resources
                raise
        return tuple(found[urn] for urn in sorted(found))

    def up(self, *, refresh: bool = False, only: Sequence[str] = ()) -> Changes:
        """Makes the cloud agree with the program; with URNs in ``only``, in nothing but these. Idempotent."""
        self._attach_host()
        return self._changed(
            "update",
            self._stack.up,
            refresh=refresh or None,
            target=list(only) or None,
            parallel=self._options.parallel,
            **self._judging(),
            show_secrets=False,
        )

    def refresh(self) -> Changes:
        """Makes the state agree with the cloud."""
        return self._changed(
            "refresh", self._stack.refresh, parallel=self._options.parallel, show_secrets=False
        )

    def destroy(self, *, keep: Collection[str] = (), hear: EventSink | None = None) -> Changes:
        """Deletes all but what is protected or in ``keep`` (URNs), and what that needs. Idempotent.

        Goes on when a deletion fails, and raises once all that can be deleted is; ``failed_deletions`` are
        those that failed. ``hear`` receives the events besides the sink of the options, in another thread.
        """
        which: dict[str, Any] = {"exclude_protected": True}
        if keep:
            state = self.state()
            stays = state.needed_by({*keep, *(each.urn for each in state.resources if each.protect)})
            goes = [each.urn for each in state.resources if each.urn not in stays]
            if not goes:
                self._operations.failed_deletions = ()
                return Changes({})
            which = {"target": list(dict.fromkeys(goes))}
        return self._changed(
            "teardown",
            self._stack.destroy,
            hear=hear,
            continue_on_error=True,
            parallel=self._options.parallel,
            show_secrets=False,
            **which,
        )

    def await_quiet(self) -> None:
        """Returns once no engine works on the stack, as far as the backend's locks can be read.

        Removes locks of dead owners; waits for an engine that outlived its runctl. Raises
        ``StackLockedError`` when somebody else holds the stack.
        """
        self._dead_owners.await_quiet()

    def forget_pending(self) -> None:
        """Drops the record of creations whose outcome is unknown. The caller has seen to what they made."""
        self._changed(
            "clearing of pending operations",
            self._stack.refresh,
            clear_pending_creates=True,
            parallel=self._options.parallel,
            show_secrets=False,
        )

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, without an engine where files tell them; empty before the first update.
        Secrets are left out.
        """
        found = self._backend.state(self.job)
        if found is not None:
            return found.plain_outputs()
        with translated("reading of the outputs", self.job):
            told = self._workspace.stack_outputs(self.job)
            return {key: each.value for key, each in told.items() if not each.secret}

    def state(self) -> StackState:
        """All that the state holds, without an engine where files tell it.

        Raises ``JobNotFoundError`` when the stack is gone.
        """
        found = self._backend.state(self.job)
        if found is not None:
            return found
        with translated("export", self.job):
            deployment = self._stack.export_stack().deployment or {}
            return replace(parse_state(deployment), version=version_of(deployment))

    def unfinished(self, state: StackState) -> tuple[Period, ...]:
        """When updates worked that failed or were killed, since the last that succeeded; empty where the
        backend's history cannot be read. ``state`` is the present one."""
        records = self._backend.history(self.job)
        return () if records is None else unfinished_periods(records, state)

    def mark_protected(self, urns: Collection[str], *, protect: bool) -> None:
        """Sets the option ``protect`` of resources in the state alone: the program is not asked.

        A bucket that is given up is marked to be deleted with what it holds, which the provider looks for in
        the state. The next ``up`` makes it all again what the configuration says. Nobody else may work on the
        stack.
        """
        from pulumi import automation

        with translated("change of protection", self.job):
            exported = self._stack.export_stack()
            content = dict(exported.deployment or {})
            changed = [
                _marked(each, protect) if each.get("urn") in urns and not each.get("delete") else each
                for each in content.get("resources") or []
            ]
            if changed == content.get("resources"):
                return
            content["resources"] = changed
            self._stack.import_stack(automation.Deployment(version=exported.version, deployment=content))

    def remove(self) -> None:
        """Removes the empty stack with its settings file and history."""
        with translated("removal", self.job):
            self._workspace.remove_stack(self.job)

    def _attach_host(self) -> None:
        self._workspace.env_vars = {**self._workspace.env_vars, **self._host.variables()}

    def _attach_providers(self) -> None:
        """Attaches the providers of our own that the stack needs, whatever the operation."""
        if self._is_of_runpod():
            variables = self._workspace.env_vars
            self._workspace.env_vars = {**variables, **self._host.providers().variables(variables)}

    def _is_of_runpod(self) -> bool:
        """Whether the stack may have resources on RunPod. Without a key nothing could be done with them."""
        return KEY_OF_RUNPOD in os.environ and is_of_runpod(self.config())

    def _judging(self) -> dict[str, Any]:
        pack = self._options.policies
        if pack is None:
            return {}
        return {"policy_packs": [str(pack.folder)], "policy_pack_configs": [str(pack.config)]}

    def _ready(self) -> Operations:
        self._attach_providers()
        return self._operations

    def _planned(self, operation: str, method: Callable[..., Any], **options: object) -> Plan:
        events = self._ready().run(operation, method, options, only_planned=True)
        steps = [event for event in events if isinstance(event, StepEvent) and event.stage == "started"]
        advice = advice_in(events)
        self._advised.update(advice)
        return Plan(
            changes=tuple(
                PlannedChange(step.operation, step.type, step.name, step.urn, step.changed, step.protected)
                for step in steps
                if step.operation not in ("same", "read", "refresh")
            ),
            unchanged=sum(1 for step in steps if step.operation == "same"),
            advice=advice,
            advised=advised_in(events),
        )

    def _changed(
        self,
        operation: str,
        method: Callable[..., Any],
        hear: EventSink | None = None,
        **options: object,
    ) -> Changes:
        try:
            events = self._ready().run(operation, method, options, hear=hear)
        except StackLockedError:
            raise
        except BaseException:
            self._note(self.job)
            raise
        self._note(self.job)
        for advice in advice_in(events):
            if advice not in self._advised:
                self._options.warn(advice)
                self._advised.add(advice)
        return Changes(changes_in(events))


def _marked(resource: dict[str, Any], protect: bool) -> dict[str, Any]:
    marked = {**resource, "protect": protect}
    if resource.get("type") != BUCKET or protect:
        return marked
    return {
        **marked,
        "inputs": {**resource.get("inputs", {}), "forceDestroy": True},
        "outputs": {**resource.get("outputs", {}), "forceDestroy": True},
    }

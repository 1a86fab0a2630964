"""Who may reach a job's machine, and the record that somebody did: made before the session is."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Literal

from runctl_auto.agent.errors import AgentError
from runctl_auto.agent.keys import control_prefix
from runctl_auto.errors import CloudError, SessionRefusedError
from runctl_auto.jobs.reach.machine import ReachedMachine
from runctl_auto.jobs.run_facts import moment_of
from runctl_auto.providers.contract import Results
from runctl_auto.providers.reach import SeenSession

Kind = Literal["exec", "transfer", "shell", "forward"]
SCHEMA = 1
MOST_RECORDS = 20
_MOST_RECORD_BYTES = 4096
_OPENING = timedelta(seconds=30)
"""How long after its record a session may begin."""


@dataclass(frozen=True)
class SessionRecord:
    """Somebody reached a job's machine. ``who`` is the identity as the provider names it; ``session`` is the
    provider's id of a session, None for a command; ``ended_at`` is None while it is open or unknown."""

    at: str
    who: str
    kind: str
    machine: str
    session: str | None = None
    ended_at: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def records_prefix(run: str) -> str:
    """Of the records of a run, which its machine cannot write."""
    return f"{control_prefix(run)}sessions/"


def admit(machine: ReachedMachine, kind: Kind) -> None:
    """Records that the caller is about to reach the machine, in the job's bucket and where the settings say.

    Raises ``SessionRefusedError`` when the settings forbid it, or it cannot be recorded.
    """
    settings = machine.session.settings.sessions
    if settings.protected == "forbid" and machine.protected:
        raise SessionRefusedError(
            f"The settings forbid sessions with the machine of job '{machine.job}', which has "
            f"{', '.join(machine.protected)} protected.",
            where={**machine.where, "setting": "sessions.protected"},
            next_step="Ask whoever keeps the settings; `runctl logs` and `runctl transfer` need no session.",
        )
    at = machine.session.time.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    record = {
        "schema": SCHEMA,
        "at": at,
        "who": machine.provider.caller().name,
        "kind": kind,
        "job": machine.job,
        "run": machine.run,
        "machine": machine.id,
    }
    text = json.dumps(record, sort_keys=True)
    name = f"{at.replace(':', '').replace('.', '')}-{secrets.token_hex(4)}"
    try:
        machine.results.objects().put(
            f"{records_prefix(machine.run)}{name}.json", text.encode(), "application/json"
        )
        _log(machine, name, text)
    except CloudError as error:
        raise SessionRefusedError(
            f"That you reach the machine of job '{machine.job}' could not be recorded: {error.what}",
            where=machine.where,
            next_step=error.next_step or "Repeat the command.",
        ) from error


def _log(machine: ReachedMachine, name: str, text: str) -> None:
    settings, reach = machine.session.settings.sessions, machine.provider.reach
    if settings.log_group is not None:
        reach.write_log(settings.log_group, f"runctl/{machine.job}/{name}", text)
    if settings.log_bucket is not None:
        bucket, _, prefix = settings.log_bucket.partition("/")
        key = "/".join(part for part in (prefix.strip("/"), machine.job, f"{name}.json") if part)
        reach.write_object(bucket, key, text)


def records_of(
    results: Results, runs: Sequence[str], seen: Sequence[SeenSession]
) -> tuple[SessionRecord, ...]:
    """Who reached the machines of ``runs``, the newest first: runctl's own records of commands, and the
    sessions that the provider has ``seen``, also those opened by other means."""
    store = results.objects()
    found = [record for run in runs for record in _records(store, run)]
    own = [each for each in found if not any(_is_of(each, session) for session in seen)]
    newest = sorted((*own, *map(_of_session, seen)), key=lambda each: each.at, reverse=True)
    return tuple(newest[:MOST_RECORDS])


def _is_of(record: SessionRecord, seen: SeenSession) -> bool:
    """Whether a record, which is made just before the session, is of this one."""
    began = moment_of(record.at)
    if began is None or (record.kind, record.who, record.machine) != (seen.kind, seen.who, seen.machine):
        return False
    return timedelta(seconds=-5) <= seen.started_at - began <= _OPENING


def _records(store: Any, run: str) -> list[SessionRecord]:
    keys = sorted(store.object_sizes(records_prefix(run)))[-MOST_RECORDS:]
    found = []
    for key in keys:
        try:
            content = json.loads(store.get(key, _MOST_RECORD_BYTES))
            found.append(
                SessionRecord(
                    *(str(content[name]) for name in ("at", "who", "kind", "machine")),
                )
            )
        except (AgentError, ValueError, KeyError, TypeError):
            continue
    return found


def _of_session(seen: SeenSession) -> SessionRecord:
    ended = None if seen.ended_at is None else _stamp(seen.ended_at)
    return SessionRecord(_stamp(seen.started_at), seen.who, seen.kind, seen.machine, seen.id, ended)


def _stamp(moment: Any) -> str:
    return str(moment.isoformat(timespec="milliseconds")).replace("+00:00", "Z")

"""`pulumi stack history`"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from sandbox.engine.backend.history import HistoryRecord
from sandbox.engine.cli.relative_time import ago
from sandbox.engine.cli.session import Session
from sandbox.engine.cli.state_secrets import salt_of
from sandbox.engine.display.summary import duration_text
from sandbox.engine.json_text import indented
from sandbox.engine.secrets.manager import SecretsManager
from sandbox.engine.settings.config_value import holds_secret, is_object, to_text


def history(session: Session) -> None:
    """Shows the operations, newest first."""
    reference = session.require_stack()
    flags = session.flags
    page = flags.number("page") or 1
    records = session.backend.history.page(reference, flags.number("page-size"), page)
    if flags.on("json"):
        secrets = _secrets(session) if flags.on("show-secrets") else None
        session.print(indented([_json(record, secrets) for record in records]))
    elif not records:
        session.print("Stack has never been updated")
    else:
        for record in records:
            session.print(_text(record, full_dates=flags.on("full-dates")))


def _secrets(session: Session) -> SecretsManager:
    reference = session.require_stack()
    document = session.backend.checkpoints.load(reference)
    return session.secrets(session.settings(reference), salt_of(document))


def _json(record: HistoryRecord, secrets: SecretsManager | None) -> dict[str, Any]:
    out: dict[str, Any] = {
        "version": 0,
        "kind": record.kind,
        "startTime": _time(record.start_time),
        "message": record.message,
        "environment": dict(record.environment),
        "config": {key: _config_json(value, secrets) for key, value in sorted(record.config.items())},
        "result": record.result,
    }
    if record.result != "in-progress":
        out["endTime"] = _time(record.end_time)
        if record.resource_changes is not None:
            out["resourceChanges"] = dict(record.resource_changes)
    return out


def _config_json(value: Any, secrets: SecretsManager | None) -> dict[str, Any]:
    secret = holds_secret(value)
    if secret and secrets is None:
        return {"secret": True}
    decrypt = secrets.decrypt if secrets is not None else str
    text = to_text(value, decrypt)
    out: dict[str, Any] = {"value": text}
    if is_object(value):
        import json

        out["objectValue"] = json.loads(text)
    return out | {"secret": secret}


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _text(record: HistoryRecord, *, full_dates: bool) -> str:
    changes = record.resource_changes or {}
    start = datetime.fromtimestamp(record.start_time, timezone.utc)
    when = start.astimezone().strftime("%Y-%m-%d %H:%M:%S %z %Z") if full_dates else ago(start)
    seconds = record.end_time - record.start_time
    took = duration_text(max(seconds, 0))
    lines = [
        "Version: 0",
        f"UpdateKind: {record.kind}",
        f"Status: {record.result}",
        f"Message: {record.message}",
        f"+{changes.get('create', 0)}-{changes.get('delete', 0)}~{changes.get('update', 0)} "
        f"{changes.get('same', 0)} Updated {when} took {took}",
    ]
    lines += [f"    {name}: {value}" for name, value in sorted(record.environment.items())]
    return "\n".join(lines) + "\n"

"""`pulumi config` and `pulumi config get`"""

from __future__ import annotations

import json
from typing import Any

from sandbox.engine.cli.errors import CommandError
from sandbox.engine.cli.session import Session
from sandbox.engine.cli.state_secrets import salt_of
from sandbox.engine.cli.table import table
from sandbox.engine.json_text import indented
from sandbox.engine.secrets.manager import SecretsManager
from sandbox.engine.settings.config_key import parse_argument
from sandbox.engine.settings.config_value import RawValue, holds_secret, is_object, to_text
from sandbox.engine.settings.project_config import declared_values


def list_config(session: Session) -> None:
    """Lists all values, secrets blinded unless --show-secrets."""
    reference = session.require_stack(may_create=True)
    settings = session.settings(reference)
    config = declared_values(session.project, settings.config)
    secrets = secrets_of(session) if session.flags.on("show-secrets") else None
    if session.flags.on("json"):
        values = {str(key): _json(config[key], secrets) for key in sorted(config)}
        session.print(indented(dict(sorted(values.items()))))
        return
    rows = [(key.pretty(session.project.name), _text(config[key], secrets)) for key in sorted(config)]
    session.print(table(("KEY", "VALUE"), rows), end="")


def get(session: Session) -> None:
    """Prints one value in plain text, whether it is a secret or not."""
    reference = session.require_stack(may_create=True)
    path = session.flags.on("path")
    key = parse_argument(session.arguments[0], session.project.name, path=path)
    settings = session.settings(reference)
    settings.config = declared_values(session.project, settings.config)
    found, value = settings.get(key, path=path)
    if not found:
        raise CommandError(
            f"configuration key '{key.pretty(session.project.name)}' not found for stack "
            f"'{session.shown(reference)}'"
        )
    text = to_text(value, secrets_of(session).decrypt)
    if not session.flags.on("json"):
        session.print(text)
        return
    out: dict[str, Any] = {"value": text}
    if is_object(value):
        out["objectValue"] = json.loads(text)
    session.print(indented(out | {"secret": holds_secret(value)}))


def secrets_of(session: Session) -> SecretsManager:
    """The secrets of the stack, with the salt of its settings or else of its state."""
    reference = session.require_stack(may_create=True)
    settings = session.settings(reference)
    salt = settings.encryption_salt or salt_of(session.backend.checkpoints.load(reference))
    return session.secrets(settings, salt)


def _text(value: RawValue, secrets: SecretsManager | None) -> str:
    return to_text(value, secrets.decrypt if secrets is not None else lambda _: "[secret]")


def _json(value: RawValue, secrets: SecretsManager | None) -> dict[str, Any]:
    secret = holds_secret(value)
    if secret and secrets is None:
        return {"secret": True}
    out: dict[str, Any] = {"value": _text(value, secrets)}
    if is_object(value):
        out["objectValue"] = json.loads(out["value"])
    return out | {"secret": secret}

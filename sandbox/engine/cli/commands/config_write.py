"""Setting, removing, copying and refreshing configuration values."""

from __future__ import annotations

import json
import math
import re
import sys
from collections import Counter

from sandbox.engine.cli.commands.config_read import secrets_of
from sandbox.engine.cli.errors import CommandError, ExitCode, UsageError
from sandbox.engine.cli.session import Session
from sandbox.engine.cli.state_secrets import salt_of
from sandbox.engine.secrets.manager import SecretsManager
from sandbox.engine.settings.config_key import ConfigKey, ConfigKeyError, parse_argument, parse_key
from sandbox.engine.settings.config_path import ConfigPathError
from sandbox.engine.settings.config_value import (
    RawValue,
    coerce_in_path,
    holds_secret,
    map_secrets,
    secure,
    typed,
)
from sandbox.engine.settings.stack_settings import StackSettings, split_path

_SECRET_NAME = re.compile("passwd|pass|password|pwd|secret|token", re.IGNORECASE)


class _Writer:
    """The settings of the stack being changed, and how to encrypt for it."""

    def __init__(self, session: Session) -> None:
        self.reference = session.require_stack(may_create=True)
        self.settings: StackSettings = session.settings(self.reference)
        self._session = session
        self._secrets: SecretsManager | None = None

    def encrypt(self, text: str) -> dict[str, str]:
        if self._secrets is None:
            salt = self.settings.encryption_salt
            salt = salt or salt_of(self._session.backend.checkpoints.load(self.reference))
            self._secrets = self._session.secrets(self.settings, salt)
        ciphertext = self._secrets.encrypt(text)
        self.settings.encryption_salt = self._secrets.salt
        return secure(ciphertext)

    def key(self, text: str, *, path: bool) -> ConfigKey:
        try:
            return parse_argument(text, self._session.project.name, path=path)
        except ConfigKeyError as error:
            raise CommandError(f"invalid configuration key: {error}") from error

    def put(self, key: ConfigKey, text: str, *, secret: bool, path: bool) -> None:
        value: RawValue = self.encrypt(text) if secret else text
        try:
            if not secret and path and split_path(key)[1]:
                value = coerce_in_path(text)
            self.settings.set(key, value, path=path)
        except ConfigPathError as error:
            raise CommandError(f"could not set config: {error}") from error


def set_value(session: Session) -> None:
    """Sets one value, from the arguments or from standard input."""
    flags = session.flags
    exclusive = [name for name in ("secret", "plaintext", "type") if flags.was_given(name)]
    if len(exclusive) > 1:
        raise UsageError(
            "if any flags in the group [secret plaintext type] are set none of the others can be; "
            f"[{' '.join(sorted(exclusive))}] were all set"
        )
    writer = _Writer(session)
    path = flags.on("path")
    key = writer.key(session.arguments[0], path=path)
    text = session.arguments[1] if len(session.arguments) == 2 else _standard_input(session)
    if flags.text("type"):
        writer.settings.set(key, typed(text, flags.text("type")), path=path)
    else:
        if not flags.on("secret") and not flags.on("plaintext") and _looks_secret(key.name, text):
            raise CommandError(
                f"config value for '{key}' looks like a secret; rerun with --secret to encrypt it, or "
                "--plaintext if you meant to store in plaintext"
            )
        writer.put(key, text, secret=flags.on("secret"), path=path)
    writer.settings.save()


def set_all(session: Session) -> None:
    """Sets several values at once."""
    flags = session.flags
    path = flags.on("path")
    if flags.text("json") and (path or flags.texts("plaintext") or flags.texts("secret")):
        raise UsageError("the --json option cannot be used with the --plaintext, --secret or --path options")
    writer = _Writer(session)
    for name in ("plaintext", "secret"):
        for pair in flags.texts(name):
            key, value = _pair(pair)
            writer.put(writer.key(key, path=path), value, secret=name == "secret", path=path)
    if flags.text("json"):
        _set_from_json(writer, flags.text("json"))
    writer.settings.save()


def set_from_flags(session: Session) -> None:
    """Keeps the values that an operation was given with --config, in plain text."""
    pairs, path = session.flags.texts("config"), session.flags.on("config-path")
    if not pairs:
        return
    writer = _Writer(session)
    for pair in pairs:
        key, equals, value = pair.partition("=")
        writer.put(writer.key(key, path=path), value if equals else "", secret=False, path=path)
    writer.settings.save()


def remove(session: Session) -> None:
    """Removes one value; one that is not there is no error."""
    remove_all(session)


def remove_all(session: Session) -> None:
    """Removes several values."""
    writer = _Writer(session)
    path = session.flags.on("path")
    for argument in session.arguments:
        writer.settings.remove(writer.key(argument, path=path), path=path)
    writer.settings.save()


def refresh(session: Session) -> None:
    """Takes the configuration of the stack's last operation into its settings file."""
    reference = session.require_stack()
    records = session.backend.history.page(reference, 1, 1)
    if not records:
        raise CommandError("getting latest configuration: no previous deployment")
    settings = session.settings(reference)
    settings.config = {parse_key(key): value for key, value in records[0].config.items()}
    salt = salt_of(session.backend.checkpoints.load(reference))
    if salt is not None:
        settings.encryption_salt, settings.secrets_provider = salt, None
    if settings.file.exists() and not session.flags.on("force"):
        backup = settings.file.with_name(settings.file.name + ".bak")
        while backup.exists():
            backup = backup.with_name(backup.name + ".bak")
        settings.file.replace(backup)
        session.print(f"backed up existing configuration file to {backup}")
    settings.save()
    if not session.flags.on("force"):
        session.print(f"refreshed configuration for stack '{reference.name}'")


def copy(session: Session) -> None:
    """Copies all values, or one, to another stack; secrets are encrypted anew."""
    source = session.require_stack()
    destination = session.existing(session.flags.text("dest"))
    if source == destination:
        raise CommandError("current stack and destination stack are the same")
    origin, target = session.settings(source), session.settings(destination)
    reader = secrets_of(session)
    state = session.backend.checkpoints.load(destination)
    writer = session.secrets(target, target.encryption_salt or salt_of(state))
    path = session.flags.on("path")
    if session.arguments:
        key = parse_argument(session.arguments[0], session.project.name, path=path)
        found, value = origin.get(key, path=path)
        if not found:
            raise CommandError(
                f"configuration key '{session.arguments[0]}' not found for stack '{source.name}'"
            )
        values = [(key, value)]
    else:
        values = list(origin.sorted_config())
    for key, value in values:
        copied = map_secrets(value, lambda text: secure(writer.encrypt(reader.decrypt(text))))
        target.set(key, copied, path=path and bool(session.arguments))
        if holds_secret(value):
            target.encryption_salt = writer.salt
    target.save()


def _standard_input(session: Session) -> str:
    if sys.stdin.isatty() and not session.interactive:
        raise CommandError(
            "config value must be specified in non-interactive mode", ExitCode.BAD_CONFIGURATION
        )
    text = sys.stdin.read()
    if session.flags.on("raw"):
        return text
    return text.removesuffix("\n").removesuffix("\r")


def _pair(text: str) -> tuple[str, str]:
    quote = text[:1] if text[:1] in ("'", '"') else ""
    key, separator, value = text[len(quote) :].partition(f"{quote}=")
    if not separator:
        raise UsageError("config value must be in the form [key]=[value]")
    return key, value


def _set_from_json(writer: _Writer, text: str) -> None:
    try:
        values = json.loads(text)
    except ValueError as error:
        raise CommandError(f"could not parse --json argument: {error}") from error
    for name, entry in values.items():
        if entry.get("value") is None:
            raise CommandError(f'value for --json object key "{name}" is nil')
        key = writer.key(name, path=False)
        structured = entry.get("objectValue") is not None
        if entry.get("secret"):
            writer.settings.set(key, writer.encrypt(entry["value"]))
        else:
            writer.settings.set(key, json.loads(entry["value"]) if structured else entry["value"])


def _looks_secret(name: str, value: str) -> bool:
    """Whether a value under such a name is as random as a secret: 80 bits, or 40 at 3 a character."""
    if not value or not _SECRET_NAME.search(name):
        return False
    shown = value[:16]
    counts = Counter(shown)
    bits_each = -sum(n / len(shown) * math.log2(n / len(shown)) for n in counts.values())
    bits = bits_each * len(shown)
    return bits >= 80 or (bits >= 40 and bits_each >= 3)

"""A stack made ready for an operation: its configuration in plain text, its state, its secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.engine.backend.errors import CheckpointError as StoredCheckpointError
from sandbox.engine.backend.reference import StackReference
from sandbox.engine.checkpoint import CheckpointError, IntegrityError, check_integrity, decode_deployment
from sandbox.engine.cli.errors import CommandError
from sandbox.engine.cli.session import Session
from sandbox.engine.cli.state_secrets import salt_of
from sandbox.engine.model import Snapshot
from sandbox.engine.properties import Secret
from sandbox.engine.secrets.manager import SecretsManager
from sandbox.engine.secrets.passphrase import PassphraseError
from sandbox.engine.settings.config_value import holds_secret, to_text
from sandbox.engine.settings.documents import SettingsFileError
from sandbox.engine.settings.project_config import check_declared, declared_values


@dataclass(frozen=True)
class StackState:
    """What an operation starts from. `raw_config` is as in the settings file, `config` decrypted."""

    reference: StackReference
    document: Mapping[str, Any] | None
    secrets: SecretsManager
    raw_config: Mapping[str, Any]
    config: Mapping[str, str]
    secret_keys: frozenset[str]

    def snapshot(self, *, check: bool = True) -> Snapshot:
        """The state, decoded anew each time. Raises CommandError when it cannot be used."""
        document = self.document or {}
        provider = document.get("secrets_providers")
        try:
            snapshot = decode_deployment(document, self.secrets.decrypter_of(provider))
            if check:
                check_integrity(snapshot)
        except CheckpointError as error:
            raise StoredCheckpointError(f"failed to load checkpoint: {error}") from error
        except IntegrityError as error:
            raise CommandError(f"snapshot integrity failure; refusing to use it: {error}") from error
        if provider is not None and salt_of(document) != self.secrets.salt:
            _forget_ciphertexts(snapshot)
        return snapshot


def load_stack_state(session: Session, reference: StackReference, *, runs_program: bool) -> StackState:
    """Reads settings and state of a stack; checks the configuration when a program will read it.

    Raises CommandError, SettingsFileError, BackendError.
    """
    settings = session.settings(reference)
    document = session.backend.checkpoints.load(reference)
    secrets = session.secrets(settings, salt_of(document))
    project = session.project
    config = declared_values(project, settings.config)
    if runs_program and not session.flags.on("skip-config-validation"):
        try:
            check_declared(project, reference.name, config)
        except SettingsFileError as error:
            raise CommandError(f"validating stack config: {error}") from error
    try:
        secrets.check_passphrase()
        texts = {str(key): to_text(value, secrets.decrypt) for key, value in config.items()}
    except PassphraseError as error:
        raise CommandError(f"getting stack configuration: get stack secrets manager: {error}") from error
    return StackState(
        reference=reference,
        document=document,
        secrets=secrets,
        raw_config={str(key): value for key, value in config.items()},
        config=texts,
        secret_keys=frozenset(str(key) for key, value in config.items() if holds_secret(value)),
    )


def _forget_ciphertexts(snapshot: Snapshot) -> None:
    """Lets every secret be encrypted anew: those in the state were encrypted with another salt."""
    resources = [*snapshot.resources, *(operation.resource for operation in snapshot.pending_operations)]
    for resource in resources:
        resource.inputs = {key: _fresh(value) for key, value in resource.inputs.items()}
        resource.outputs = {key: _fresh(value) for key, value in resource.outputs.items()}
        resource.replacement_trigger = _fresh(resource.replacement_trigger)


def _fresh(value: Any) -> Any:
    if isinstance(value, Secret):
        return Secret(_fresh(value.value))
    if isinstance(value, dict):
        return {key: _fresh(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_fresh(item) for item in value]
    return value

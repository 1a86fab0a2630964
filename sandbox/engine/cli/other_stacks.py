"""Outputs of other stacks of the same backend, for stack references."""

from __future__ import annotations

from sandbox.engine.backend.errors import StackNotFoundError
from sandbox.engine.backend.reference import StackReference, parse_reference
from sandbox.engine.cli.deployment_document import stack_outputs
from sandbox.engine.cli.session import Session
from sandbox.engine.cli.state_secrets import salt_of
from sandbox.engine.properties import PropertyMap, from_json
from sandbox.engine.secrets.manager import SecretsManager


class OtherStacks:
    """Reads stacks by their name, as `current` would name them."""

    def __init__(self, session: Session, current: StackReference) -> None:
        self._session = session
        self._current = current

    def read(self, name: str) -> PropertyMap | None:
        """The outputs of a stack, secrets as such; None when there is no such stack."""
        reference = parse_reference(name, self._current.project)
        try:
            document = self._session.backend.checkpoints.load(reference)
        except StackNotFoundError:
            return None
        secrets = SecretsManager(self._session.environment, salt_of(document), lambda _: None)
        decrypt = secrets.decrypter_of((document or {}).get("secrets_providers"))
        outputs = stack_outputs(document)
        return {key: from_json(value, decrypt) for key, value in outputs.items()}

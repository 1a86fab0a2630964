"""Writes snapshots of a running operation into the stack's checkpoint."""

from __future__ import annotations

from sandbox.engine.backend.checkpoints import Checkpoints
from sandbox.engine.backend.reference import StackReference
from sandbox.engine.checkpoint import DeploymentEncoder, features
from sandbox.engine.model import Snapshot
from sandbox.engine.secrets.manager import SecretsManager


class SnapshotWriter:
    """The engine's way to disk: `write` returns when the state would survive a crash."""

    def __init__(self, checkpoints: Checkpoints, reference: StackReference, secrets: SecretsManager) -> None:
        self._checkpoints = checkpoints
        self._reference = reference
        self._secrets = secrets
        self._encoder = DeploymentEncoder(secrets.encrypt)

    def write(self, snapshot: Snapshot) -> None:
        """Replaces the checkpoint. The first secret may make the stack's salt, which the state then names."""
        snapshot.secrets_provider = self._secrets.state()
        text = self._encoder.text(snapshot)
        now_known = self._secrets.state()
        if now_known != snapshot.secrets_provider:
            snapshot.secrets_provider = now_known
            text = self._encoder.text(snapshot)
        self._checkpoints.save(self._reference, text, features(snapshot))


class NoWriter:
    """For plans: nothing is written."""

    def write(self, snapshot: Snapshot) -> None:
        """Ignores the snapshot."""
        del snapshot

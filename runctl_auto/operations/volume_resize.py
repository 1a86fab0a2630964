"""``volume resize``: makes a volume larger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from runctl_auto.errors import CloudError, UsageError, VolumeCooldownError
from runctl_auto.jobs.session import Session
from runctl_auto.jobs.storage.change import StorageChange, StorageResult
from runctl_auto.jobs.storage.stack import StorageStack
from runctl_auto.providers.storage import Modification
from runctl_auto.stack.storage_config import StorageConfig

COOLDOWN = timedelta(hours=6)
"""How long AWS may not modify a volume again; newer accounts have four modifications in 24 hours instead."""
_REFUSED = "VolumeModificationRateExceeded"


def resize_volume(session: Session, name: str, size_gb: int, *, yes: bool) -> StorageResult:
    """Makes the volume ``name`` as large as ``size_gb``, after showing the plan and asking. Idempotent.
    Blocks.

    Raises ``UsageError`` when it would have to shrink, ``VolumeCooldownError`` when AWS does not modify it
    again yet, ``ConfirmationNeededError`` when declined.
    """
    return ResizeVolume(StorageStack(session, "volume", name), size_gb, yes=yes).run()


class ResizeVolume(StorageChange):
    """Makes a volume larger. What AWS refuses for the time being leaves the configuration as it was."""

    verb = "resize"

    def __init__(self, storage: StorageStack, size_gb: int, *, yes: bool) -> None:
        super().__init__(storage, yes=yes)
        self._size = size_gb
        self._last: Modification | None = None

    def decide(self) -> StorageConfig | None:
        found, config = self.found, self.job.applied_config()
        if found is None:
            raise UsageError(
                f"The creation of {self.job.title} was not completed.",
                where=self.job.where,
                next_step="Repeat `runctl volume create` as it was asked for.",
            )
        size = int(found.outputs.get("size") or config.size_gb)
        if self._size < size:
            raise UsageError(
                f"{self.job.title.capitalize()} has {size} GB, and AWS cannot make a volume smaller.",
                where=self.job.where,
                next_step=f"Create one of {self._size} GB and copy what is needed; a snapshot does not help, "
                "since a volume made of it is at least as large.",
            )
        if self._size == size and config.size_gb == size:
            self._result = self.as_it_is(config)
            return None
        self._last = self.job.provider.storage.modification(found.id)
        if self._last is not None and self._last.is_under_way:
            raise self._not_yet(f"its last modification is {self._last.state}")
        return replace(config, size_gb=self._size)

    def notes(self, decision: StorageConfig) -> Sequence[str]:  # noqa: ARG002
        return tuple(self._told())

    def _told(self) -> Iterator[str]:
        yield "a file system on it grows when a machine mounts it next"
        last = self._last.began_at if self._last is not None else None
        if last is not None and self.session.time.now() < last + COOLDOWN:
            yield (
                f"modified at {last:%Y-%m-%d %H:%M} UTC: AWS may refuse another modification until "
                f"{last + COOLDOWN:%H:%M} UTC"
            )

    def apply(self, decision: StorageConfig) -> None:
        try:
            super().apply(decision)
        except CloudError as error:
            if error.code != _REFUSED:
                raise
            assert self.before is not None  # noqa: S101 - open read it
            self.job.stack.set_config(self.before.to_values())
            raise self._not_yet("AWS refuses to modify it again already") from error

    def _not_yet(self, why: str) -> VolumeCooldownError:
        last = self._last.began_at if self._last is not None else None
        until = (
            "6 hours after the last modification" if last is None else f"{last + COOLDOWN:%Y-%m-%d %H:%M} UTC"
        )
        return VolumeCooldownError(
            f"{self.job.title.capitalize()} cannot be resized now: {why}.",
            where=self.job.where,
            next_step=f"Repeat the command after {until}. The cool-down of EBS is six hours, or four "
            "modifications in 24 hours, and a modification must be completed first.",
        )

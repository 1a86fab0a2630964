"""Errors of an installation: each names the cause and the next step. A failure leaves no files behind."""

from __future__ import annotations

from runctl_auto.errors import EngineError

OTHER_WAYS = (
    "Without an installation: put a compatible `pulumi` on PATH, or name one with RUNCTL_ENGINE "
    "(setting engine.path)."
)


class EngineInstallError(EngineError):
    """The engine could not be installed, for a reason without a class of its own."""

    kind = "engine-install"

    def __init__(self, what: str, *, where: dict[str, str] | None = None, next_step: str) -> None:
        super().__init__(what, where=where, next_step=f"{next_step} {OTHER_WAYS}")


class SourceUnreachableError(EngineInstallError):
    """The host of a download, of Go modules or of Python packages did not respond."""

    kind = "engine-source-unreachable"


class NoGoError(EngineInstallError):
    """No Go toolchain that can build the engine was found, and none could be installed."""

    kind = "engine-no-go"


class ChecksumMismatchError(EngineInstallError):
    """A download does not match the checksum pinned by the project."""

    kind = "engine-checksum"


class DiskFullError(EngineInstallError):
    """There is not enough free space in the user's data folder."""

    kind = "engine-disk-full"

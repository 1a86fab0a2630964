"""Errors on the instance; each message states what happened and where."""

from __future__ import annotations


class AgentError(Exception):
    """An expected failure: reported by its message, without a traceback."""


class UnreachableError(AgentError):
    """The remote side is unreachable, or the connection broke."""


class CredentialsError(AgentError):
    """The instance has no role credentials (yet)."""


class S3Error(AgentError):
    """S3 returned an error; `status` and `code` are its own, `region` is the bucket's, if S3 states it."""

    region: str | None = None

    def __init__(self, operation: str, status: int, code: str, message: str) -> None:
        super().__init__(f"{operation}: S3 answered {status} {code}: {message}".rstrip(": "))
        self.status = status
        self.code = code


class ServiceError(AgentError):
    """A service of the cloud returned an error; `status` and `code` are its own."""

    def __init__(self, action: str, status: int, code: str, text: str) -> None:
        super().__init__(f"{action}: the service answered {status} {code or text[:200]}")
        self.status = status
        self.code = code


class NotFoundError(AgentError):
    """The object does not exist."""


class NoSuchKeyError(S3Error, NotFoundError):
    """S3 has no object with this key."""


class StoreError(AgentError):
    """The folder that holds the objects could not be read or written."""


class RetriesExhaustedError(AgentError):
    """All retries failed; the last error is the cause."""


class IntegrityError(AgentError):
    """The downloaded content differs from the stored content."""


class FileChangedError(AgentError):
    """A file changed while it was being read."""


class OutOfTimeError(AgentError):
    """The machine is taken back before the transfer could end."""


class SpecError(AgentError):
    """The run's spec or the agent's configuration is invalid."""


class VolumeError(AgentError):
    """A volume could not be mounted."""


class ProgramError(AgentError):
    """A system program failed."""


class ScriptNotStartedError(AgentError):
    """A script of the job could not be started; `exit_code` is what a shell reports in this case."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code

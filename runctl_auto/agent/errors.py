"""What can go wrong on the instance; each message says what happened and where."""

from __future__ import annotations


class AgentError(Exception):
    """An expected kind of failure: reported by its message, without a traceback."""


class UnreachableError(AgentError):
    """The other side could not be reached, or the connection broke."""


class CredentialsError(AgentError):
    """The instance has no role credentials (yet)."""


class S3Error(AgentError):
    """S3 answered with an error; `status` and `code` are its own, `region` is where it says the bucket is."""

    region: str | None = None

    def __init__(self, operation: str, status: int, code: str, message: str) -> None:
        super().__init__(f"{operation}: S3 answered {status} {code}: {message}".rstrip(": "))
        self.status = status
        self.code = code


class NotFoundError(AgentError):
    """The object does not exist."""


class NoSuchKeyError(S3Error, NotFoundError):
    """S3 has no object of this key."""


class StoreError(AgentError):
    """The folder that objects are kept in could not be read or written."""


class RetriesExhaustedError(AgentError):
    """Given up; the last error is the cause."""


class IntegrityError(AgentError):
    """What was downloaded is not what was stored."""


class FileChangedError(AgentError):
    """A file changed while it was being read."""


class SpecError(AgentError):
    """The run's spec or the agent's configuration cannot be understood."""


class VolumeError(AgentError):
    """A volume could not be mounted."""


class ProgramError(AgentError):
    """A program of the system failed."""


class ScriptNotStartedError(AgentError):
    """A script of the job could not be started; `exit_code` is what a shell reports in such a case."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code

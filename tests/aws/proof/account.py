"""The account as the person's own credentials reach it, and waiting for what it reports."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import boto3
from aws.proof.course import Deadline, OutOfTime
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

T = TypeVar("T")
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
_CONFIG = Config(connect_timeout=10, read_timeout=30, retries={"mode": "standard", "max_attempts": 4})


@dataclass(frozen=True)
class Account:
    """Clients of one region, and who is calling."""

    session: Any
    id: str
    caller: str
    partition: str

    @classmethod
    def of(
        cls, region: str, profile: str | None = None, credentials: dict[str, str] | None = None
    ) -> Account:
        """Raises botocore's errors when there are no usable credentials."""
        session = boto3.Session(region_name=region, profile_name=profile, **(credentials or {}))
        told = session.client("sts", config=_CONFIG).get_caller_identity()
        return cls(session, told["Account"], told["Arn"], told["Arn"].split(":")[1])

    @property
    def region(self) -> str:
        return str(self.session.region_name)

    def client(self, service: str) -> Any:
        return self.session.client(service, config=_CONFIG)


def code_of(error: Exception) -> str:
    """The service's own code of an error, else its type."""
    if isinstance(error, ClientError):
        return str(error.response["Error"]["Code"])
    return type(error).__name__


def in_words(error: Exception) -> str:
    """One line for a report."""
    return " ".join(str(error).split())


CLOUD_ERRORS = (ClientError, BotoCoreError)


def wait_until(
    ask: Callable[[], T | None], doing: str, deadline: Deadline, *, pause: float, longest: float | None = None
) -> T:
    """The first answer that is not None, asked for every ``pause`` seconds. Raises OutOfTime."""
    limit = None if longest is None else deadline.clock() + longest
    while (answer := ask()) is None:
        deadline.left(doing)
        if limit is not None and deadline.clock() > limit:
            raise OutOfTime(f"not within {longest:.0f} s: {doing}")
        time.sleep(pause)
    return answer

"""Cloud calls for one engine request: retried, cancellable, with errors in the official provider's format."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from sandbox.aws.provider.asset_content import NO_ASSETS, AssetReader
from sandbox.aws.provider.cancellation import Cancellation
from sandbox.aws.provider.clients import ClientPool
from sandbox.aws.provider.cloud_error import CloudError, describe_failure
from sandbox.aws.provider.configuration import Configuration

LONGEST_BACKOFF = 20.0
_THROTTLING = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "ProvisionedThroughputExceededException",
        "PriorRequestNotComplete",
        "TransactionInProgressException",
        "EC2ThrottledException",
        "SlowDown",
        "BandwidthLimitExceeded",
        "LimitExceededException",
    }
)
_TRANSIENT = frozenset(
    {"InsufficientInstanceCapacity", "OperationAborted", "RequestTimeout", "RequestTimeoutException"}
)


@dataclass(frozen=True)
class Pace:
    """Polling and retries: seconds between polls, and the unit of the growing delays."""

    poll: float = 0.25
    backoff: float = 1.0
    jitter: Callable[[], float] = random.random


@dataclass(frozen=True)
class Cloud:
    """The cloud in one region, for one operation. account: None when it was not looked up. assets: what may
    be uploaded."""

    configuration: Configuration
    clients: ClientPool
    work: Cancellation
    pace: Pace
    account: str | None
    timeout: float | None = None
    assets: AssetReader = NO_ASSETS

    @property
    def region(self) -> str:
        """The region in which calls are made."""
        return self.configuration.access.region

    @property
    def partition(self) -> str:
        """The region's partition, as used in ARNs."""
        for prefix, partition in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov")):
            if self.region.startswith(prefix):
                return partition
        return "aws"

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource in this region and account."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.account or ''}:{resource}"

    def in_region(self, region: str | None) -> Cloud:
        """The same cloud in another region; None means this one."""
        if not region or region == self.region:
            return self
        access = replace(self.configuration.access, region=region)
        return replace(self, configuration=replace(self.configuration, access=access))

    def call(self, service: str, operation: str, doing: str = "", **parameters: Any) -> dict[str, Any]:
        """Call an operation (botocore's names) and return its response; blocks, retries transient errors.

        None parameters are omitted. Raises CloudError, with `doing` as its context, and CancelledError.
        """
        client = self.clients.client(self.configuration.access, service)
        given = {name: value for name, value in parameters.items() if value is not None}
        attempt = 0
        while True:
            attempt += 1
            self.work.check()
            try:
                return dict(getattr(client, operation)(**given))
            except ClientError as error:
                if not _may_pass(error):
                    raise self._failure(client, doing, error, attempts=None) from error
                if attempt >= self.configuration.max_attempts:
                    raise self._failure(client, doing, error, attempts=attempt) from error
            except BotoConnectionError as error:
                if attempt >= self.configuration.max_attempts:
                    raise _no_answer(client, doing, operation, error) from error
            except BotoCoreError as error:
                raise _no_answer(client, doing, operation, error) from error
            self.work.pause(self.pace.jitter() * min(self.pace.backoff * 2**attempt, LONGEST_BACKOFF))

    def call_s3(self, operation: str, doing: str = "", **parameters: Any) -> dict[str, Any]:
        """Call an operation of S3, passing the expected bucket owner wherever it is accepted."""
        client = self.clients.client(self.configuration.access, "s3")
        model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation])
        if self.account and "ExpectedBucketOwner" in model.input_shape.members:
            parameters.setdefault("ExpectedBucketOwner", self.account)
        return self.call("s3", operation, doing, **parameters)

    def pages(self, service: str, operation: str, key: str, doing: str = "", **parameters: Any) -> list[Any]:
        """All entries of a list operation paginated by NextToken."""
        entries: list[Any] = []
        token = None
        while True:
            page = self.call(service, operation, doing, NextToken=token, **parameters)
            entries += page.get(key, [])
            token = page.get("NextToken")
            if not token:
                return entries

    def wait_until(self, probe: Callable[[], bool], *, doing: str, standard: float) -> None:
        """Poll until `probe` returns True. Raises CloudError on timeout.

        standard: the timeout in seconds unless the program sets custom timeouts.
        """
        allowed = self.timeout or standard
        if not self.work.poll(probe, interval=self.pace.poll, timeout=allowed):
            raise CloudError(doing, "Timeout", f"timeout while waiting (timeout: {allowed:g}s)")

    def retry_while(self, codes: frozenset[str], action: Callable[[], Any], *, standard: float) -> Any:
        """Retry an action while it fails with one of the codes, until the timeout."""
        deadline = self.work.now() + (self.timeout or standard)
        while True:
            try:
                return action()
            except CloudError as error:
                if error.code not in codes or self.work.now() >= deadline:
                    raise
            self.work.pause(self.pace.poll)

    @staticmethod
    def _failure(client: Any, doing: str, error: ClientError, attempts: int | None) -> CloudError:
        model = client.meta.service_model
        shapes = model.operation_model(error.operation_name).error_shapes
        modelled = frozenset(
            name for shape in shapes for name in (shape.name, shape.metadata.get("error", {}).get("code"))
        )
        response: Mapping[str, Any] = error.response
        text = describe_failure(
            response,
            service=str(model.service_id),
            operation=error.operation_name,
            modelled=modelled,
            attempts=attempts,
        )
        return CloudError(doing, str(response.get("Error", {}).get("Code", "Unknown")), text)


def _may_pass(error: ClientError) -> bool:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return code in _THROTTLING or code in _TRANSIENT or status >= 500


def _no_answer(client: Any, doing: str, operation: str, error: Exception) -> CloudError:
    model = client.meta.service_model
    name = client.meta.method_to_api_mapping[operation]
    return CloudError(doing, "RequestError", f"operation error {model.service_id}: {name}, {error}")

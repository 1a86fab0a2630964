"""Bucket settings that are resources of their own: put, get and delete follow one pattern."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from sandbox.aws.provider.cloud import Cloud
from sandbox.aws.provider.cloud_error import CloudError
from sandbox.aws.provider.resource import Known, Properties, ResourceType
from sandbox.aws.provider.types.bucket import GONE


class BucketSetting(ResourceType):
    """A setting; its id is the bucket's name (or NAME,OWNER when an owner is specified)."""

    absent: ClassVar[frozenset[str]]
    getter: ClassVar[str]

    @abstractmethod
    def put(self, cloud: Cloud, bucket: str, inputs: Properties, doing: str) -> None:
        """Apply the setting."""

    @abstractmethod
    def told(self, answer: Properties, known: Known) -> Properties | None:
        """The outputs in the getter's response, except bucket and region; None when there is no setting."""

    @abstractmethod
    def remove(self, cloud: Cloud, bucket: str, state: Properties, doing: str) -> None:
        """Remove the setting."""

    def create(self, cloud: Cloud, inputs: Properties) -> str:
        bucket = inputs["bucket"]
        self.put(cloud, bucket, inputs, f"creating {self.title} ({bucket})")
        owner = inputs.get("expectedBucketOwner")
        return f"{bucket},{owner}" if owner else str(bucket)

    def read(self, cloud: Cloud, identifier: str, known: Known) -> Properties | None:
        bucket, _, owner = identifier.partition(",")
        try:
            answer = cloud.call_s3(
                self.getter, f"reading {self.title} ({identifier})", Bucket=bucket, **_owner(owner)
            )
        except CloudError as error:
            if error.code in GONE or error.code in self.absent:
                return None
            raise
        told = self.told(answer, known)
        if told is None:
            return None
        stated = {"expectedBucketOwner": owner} if "expectedBucketOwner" in self.inputs else {}
        return {"bucket": bucket, "region": cloud.region, **stated, **told}

    def update(
        self, cloud: Cloud, identifier: str, state: Properties, inputs: Properties, changed: frozenset[str]
    ) -> None:
        del state
        if any(self.inputs[name].told for name in changed):
            self.put(cloud, _bucket(identifier), inputs, f"updating {self.title} ({identifier})")

    def delete(self, cloud: Cloud, identifier: str, state: Properties) -> None:
        if state.get("skipDestroy"):
            return
        try:
            self.remove(cloud, _bucket(identifier), state, f"deleting {self.title} ({identifier})")
        except CloudError as error:
            if error.code not in GONE and error.code not in self.absent:
                raise


def _bucket(identifier: str) -> str:
    return identifier.partition(",")[0]


def _owner(owner: str) -> dict[str, Any]:
    return {"ExpectedBucketOwner": owner} if owner else {}

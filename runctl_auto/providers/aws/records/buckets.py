"""Buckets of runctl's, and what lies unfinished in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from runctl_auto.errors import NotFoundError
from runctl_auto.providers import resource as found
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.records.commands import abort_upload, remove_bucket
from runctl_auto.providers.aws.records.ownership import PREFIX, Scope
from runctl_auto.providers.resource import CloudResource, read_tags

PAGE = 100


class StorageLists:
    """Looks through S3's lists. ``owner`` is the account that buckets must belong to."""

    def __init__(
        self, cloud: Cloud, scope: Scope, owner: str, known_tags: Mapping[str, Mapping[str, str]]
    ) -> None:
        self._cloud = cloud
        self._scope = scope
        self._owner = owner
        self._known_tags = known_tags

    def buckets(self) -> Iterator[CloudResource]:
        """Buckets of the region with a name of runctl's, and those that carry its tags."""
        listed = list(
            self._cloud.pages(
                "s3",
                "list_buckets",
                "Buckets",
                Prefix=self._scope.name_prefix,
                BucketRegion=self._cloud.region,
                MaxBuckets=PAGE,
            )
        )
        named = {str(each["Name"]): each.get("CreationDate") for each in listed}
        others = [name for name in self._known_tags if not name.startswith(PREFIX)]
        for name in (*named, *others):
            # The tagging list is late; what it says is enough to pass by, not to call something one's own.
            if self._scope.job is None and name in named:
                held = dict(self._known_tags.get(name, {}))
            else:
                held = self.tags_of(name)
            whose = self._scope.judge(name, held, regional=False)
            if whose is not None:
                yield whose.found(
                    found.BUCKET,
                    name,
                    remove_bucket(self._cloud.region, name),
                    held,
                    name=name,
                    created_at=named.get(name),
                )

    def uploads(self, buckets: Iterable[CloudResource]) -> Iterator[CloudResource]:
        """Uploads that were begun in ``buckets`` and neither finished nor given up: they cost, unseen."""
        for bucket in buckets:
            try:
                yield from self._uploads(bucket)
            except NotFoundError:
                continue

    def tags_of(self, bucket: str) -> dict[str, str]:
        """A bucket's tags; empty when it has none, or does not exist."""
        try:
            answer = self._cloud.call(
                "s3", "get_bucket_tagging", Bucket=bucket, ExpectedBucketOwner=self._owner
            )
        except NotFoundError:
            return {}
        return read_tags(answer["TagSet"])

    def _uploads(self, bucket: CloudResource) -> Iterator[CloudResource]:
        place = {"Bucket": bucket.id, "ExpectedBucketOwner": self._owner}
        for each in self._cloud.pages("s3", "list_multipart_uploads", "Uploads", MaxUploads=PAGE, **place):
            yield CloudResource(
                found.UPLOAD,
                f"{bucket.id}/{each['Key']}#{each['UploadId']}",
                abort_upload(self._cloud.region, bucket.id, each["Key"], each["UploadId"]),
                name=each["Key"],
                job=bucket.job,
                owner=bucket.owner,
                backend=bucket.backend,
                how="relation",
                sure=bucket.sure,
                created_at=each.get("Initiated"),
                parent=bucket.id,
            )

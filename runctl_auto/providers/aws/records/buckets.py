"""S3 buckets and their incomplete multipart uploads."""

from __future__ import annotations

from collections.abc import Iterator

from runctl_auto.errors import NotFoundError
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.records import names
from runctl_auto.providers.aws.records.kind import (
    ApiCall,
    AwsKind,
    Described,
    ListCall,
    Look,
    Removal,
    Tagging,
)
from runctl_auto.providers.aws.records.ownership import PREFIX
from runctl_auto.providers.aws.records.search import Search, creation_time
from runctl_auto.providers.aws.tag_lists import read_tags
from runctl_auto.providers.resource import CloudResource

BUCKET_ARNS = ("arn:{partition}:s3:::runctl-*",)
OBJECT_ARNS = ("arn:{partition}:s3:::runctl-*/*",)


def _find_buckets(kind: AwsKind, search: Search) -> Iterator[CloudResource]:
    """Buckets of the region with a name of runctl's, and those that carry its tags."""
    region = search.cloud.region
    prefix = search.scope.name_prefix
    listed = list(kind.listing.pages(search.cloud, Prefix=prefix, BucketRegion=region))
    named = {str(each["Name"]): each for each in listed}
    tagged = search.listed_tags(kind)
    others: dict[str, Described] = {name: {"Name": name} for name in tagged if not name.startswith(PREFIX)}
    for name, each in (named | others).items():
        # The tag list is late: sufficient for searching an account, not for attribution to one job.
        if search.scope.job is None and name in named:
            held = tagged.get(name, {})
        else:
            held = _bucket_tags(search.cloud, name, search.account)
        whose = search.scope.attribute(name, held, regional=False)
        if whose is not None:
            yield search.resource(kind, each, whose, held)


def _bucket_tags(cloud: Cloud, bucket: str, account: str) -> dict[str, str]:
    """A bucket's tags; empty if it has none or does not exist."""
    try:
        answer = cloud.call("s3", "get_bucket_tagging", Bucket=bucket, ExpectedBucketOwner=account)
    except NotFoundError:
        return {}
    return read_tags(answer["TagSet"])


def _find_uploads(kind: AwsKind, search: Search) -> Iterator[CloudResource]:
    for bucket in search.found(names.BUCKET):
        try:
            yield from _uploads_in(kind, search, bucket)
        except NotFoundError:
            continue


def _uploads_in(kind: AwsKind, search: Search, bucket: CloudResource) -> Iterator[CloudResource]:
    place = {"Bucket": bucket.id, "ExpectedBucketOwner": search.account}
    for each in kind.listing.pages(search.cloud, **place):
        yield CloudResource(
            kind.name,
            f"{bucket.id}/{each['Key']}#{each['UploadId']}",
            kind.command(search.cloud.region, bucket=bucket.id, key=each["Key"], upload=each["UploadId"]),
            name=each["Key"],
            job=bucket.job,
            owner=bucket.owner,
            backend=bucket.backend,
            how="relation",
            sure=bucket.sure,
            created_at=creation_time(kind, each),
            cost_hour=kind.cost(search, bucket.job, each),
            parent=bucket.id,
        )


def _abort(cloud: Cloud, upload: CloudResource, account: str) -> None:
    identity = upload.id.rpartition("#")[2]
    place = {"Bucket": upload.parent, "ExpectedBucketOwner": account}
    cloud.call("s3", "abort_multipart_upload", Key=upload.name, UploadId=identity, **place)


def _delete_bucket(cloud: Cloud, bucket: CloudResource, account: str) -> None:
    place = {"Bucket": bucket.id, "ExpectedBucketOwner": account}
    before: list[dict[str, str]] = []
    while (versions := _some_versions(cloud, place)) not in ([], before):
        answer = cloud.call("s3", "delete_objects", Delete={"Objects": versions, "Quiet": True}, **place)
        if answer.get("Errors"):
            break
        before = versions
    cloud.call("s3", "delete_bucket", **place)


def _some_versions(cloud: Cloud, place: dict[str, str]) -> list[dict[str, str]]:
    """A page of versions and delete markers."""
    page = cloud.call("s3", "list_object_versions", **place)
    return [
        {"Key": each["Key"], "VersionId": each["VersionId"]}
        for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
    ]


UPLOAD = AwsKind(
    name=names.UPLOAD,
    parents=(names.BUCKET,),
    managed_with=(names.BUCKET,),
    needs_running_machine=True,
    lists=(
        ListCall(
            "s3",
            "list_multipart_uploads",
            BUCKET_ARNS,
            items="Uploads",
            id_key="UploadId",
            created_key="Initiated",
            page_key="MaxUploads",
        ),
    ),
    looks=(Look(_find_uploads, stage=1),),
    removal=Removal((ApiCall("s3", "abort_multipart_upload"),), _abort),
    commands=(
        "s3api --region {region} abort-multipart-upload --bucket {bucket} --key {key} --upload-id {upload}",
    ),
    arns=OBJECT_ARNS,
)

BUCKET = AwsKind(
    name=names.BUCKET,
    types=("aws:s3/bucket:Bucket",),
    removed_after=(names.UPLOAD, names.ROLE),  # without its role, nothing writes to it any more
    made_by_stacks=True,
    lists=(
        ListCall(
            "s3",
            "list_buckets",
            items="Buckets",
            id_key="Name",
            created_key="CreationDate",
            page_key="MaxBuckets",
        ),
    ),
    tagging=Tagging("s3"),
    reads=(ApiCall("s3", "get_bucket_tagging", BUCKET_ARNS),),
    looks=(Look(_find_buckets),),
    own_tags=_bucket_tags,
    asked_before_removal=True,
    removal=Removal(
        (ApiCall("s3", "delete_objects"), ApiCall("s3", "delete_bucket")),
        _delete_bucket,
        reads=(ApiCall("s3", "list_object_versions", BUCKET_ARNS),),
    ),
    commands=(
        # `s3 rb --force` leaves earlier versions, and then the bucket.
        "s3api --region {region} list-object-versions --bucket {id} "
        "--query '[Versions, DeleteMarkers][].[Key, VersionId]' --output text | "
        "while IFS=$'\\t' read -r key version; do "
        'aws s3api --region {region} delete-object --bucket {id} --key "$key" --version-id "$version"; done',
        "s3api --region {region} delete-bucket --bucket {id}",
    ),
    arns=(*BUCKET_ARNS, *OBJECT_ARNS),
)

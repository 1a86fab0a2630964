"""Downloads a package from the job's bucket when it is missing locally."""

from __future__ import annotations

from pathlib import Path

from runctl_auto.agent.packages import MOST_PACKAGE_BYTES, PackageKind, package_key
from runctl_auto.errors import NotFoundError, PackagingError
from runctl_auto.packaging.package import new_package_file, package_path
from runctl_auto.providers.aws.access import Cloud

_CHUNK = 1 << 20


def require_package(
    packages: Path, kind: PackageKind, sha256: str, *, cloud: Cloud, bucket: str, owner: str
) -> Path:
    """The local path of an existing package; downloaded from ``bucket`` when it is missing here.

    Raises PackagingError when neither has it, or when the download differs from the requested package.
    """
    path = package_path(packages, kind, sha256)
    if path.is_file():
        return path

    def fetch() -> None:
        answer = cloud.client("s3").get_object(
            Bucket=bucket, Key=package_key(kind, sha256), ExpectedBucketOwner=owner
        )
        with new_package_file(packages) as (stream, commit):
            for chunk in answer["Body"].iter_chunks(_CHUNK):
                stream.write(chunk)
                if stream.tell() > MOST_PACKAGE_BYTES:
                    break  # it is none of runctl's
            fetched = commit(kind, 1)
        if fetched.sha256 != sha256:
            fetched.path.unlink()
            raise PackagingError(
                f"the {kind} package in the bucket is not the one it is named after",
                where={"bucket": bucket, "key": package_key(kind, sha256)},
                next_step="Run `runctl up JOB.yaml` with the work folder at hand; it packages it again.",
            )

    try:
        cloud.retried(fetch, f"fetching the {kind} package back")
    except NotFoundError as error:
        raise PackagingError(
            f"the {kind} package of this run is neither here nor in the job's bucket",
            where={"path": str(path), "bucket": bucket},
            next_step="Run `runctl up JOB.yaml` with the work folder at hand; it packages it again.",
        ) from error
    return path

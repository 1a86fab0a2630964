"""What a run finds in its job's bucket when it begins: code, agent and texts.

They are no part of the bucket's component: they change while a kept bucket must not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws

from components.artifact_bucket import ArtifactBucket
from components.tags import RUN

_PART_NAME = len("part-") + 16
"""Characters of a part's file name that tell it from others."""


@dataclass(frozen=True, kw_only=True)
class PackageFile:
    """A local file to upload as the bucket object ``key``."""

    key: str
    path: Path


@dataclass(frozen=True, kw_only=True)
class TextObject:
    """A text to keep as the bucket object ``key``."""

    key: str
    content: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class RunObjects:
    """``code_parts`` are the files of a large work folder, which ``code`` lists."""

    run: str
    code: PackageFile
    agent: PackageFile
    code_parts: Sequence[PackageFile]
    spec: TextObject
    decisions: TextObject | None

    def declare(self, name: str, bucket: ArtifactBucket, parent: pulumi.Resource) -> list[pulumi.Resource]:
        """Declares the objects, named after the environment ``name``."""
        options = pulumi.ResourceOptions(parent=parent, depends_on=[bucket])
        tags = {RUN: self.run}
        packages = [
            aws.s3.BucketObjectv2(
                f"{name}-{role}",
                bucket=bucket.bucket,
                key=package.key,
                source=pulumi.FileAsset(str(package.path)),
                content_type="application/octet-stream",
                tags=tags,
                opts=options,
            )
            for role, package in (("code", self.code), ("agent", self.agent))
        ]
        # Without the tag of the run: a part that has not changed is the same resource for the next run.
        parts = [
            aws.s3.BucketObjectv2(
                f"{name}-{part.path.stem[:_PART_NAME]}",
                bucket=bucket.bucket,
                key=part.key,
                source=pulumi.FileAsset(str(part.path)),
                content_type="application/x-tar",
                opts=options,
            )
            for part in self.code_parts
        ]
        texts = [
            aws.s3.BucketObjectv2(
                f"{name}-{role}",
                bucket=bucket.bucket,
                key=text.key,
                content=text.content,
                content_type="application/json",
                tags=tags,
                opts=options,
            )
            for role, text in (("spec", self.spec), ("decisions", self.decisions))
            if text is not None
        ]
        return [*packages, *parts, *texts]

"""Images in AWS's own registry: which digest a tag has, asked with the caller's credentials."""

from __future__ import annotations

import json
import os

from runctl_auto.errors import JobFileError, NotFoundError
from runctl_auto.job_file.image_reference import AwsRepository, ImageReference
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.registries.client import registry_client
from runctl_auto.providers.registries.manifests import INDEXES, MANIFESTS, platforms_in
from runctl_auto.providers.registries.resolved import Login, ResolvedImage


def resolve_image(cloud: Cloud, image: ImageReference, login: Login | None) -> ResolvedImage:
    """What ``image`` means now, wherever it is. Raises as ``RegistryClient.resolve`` does."""
    repository = image.of_aws
    if repository is not None and login is None:
        return _in_aws(cloud.in_region(repository.region), image, repository)
    return registry_client(os.environ).resolve(image, login)


def _in_aws(cloud: Cloud, image: ImageReference, repository: AwsRepository) -> ResolvedImage:
    wanted = {"imageTag": image.tag} if image.digest is None else {"imageDigest": image.digest}
    try:
        answer = cloud.call(
            "ecr",
            "batch_get_image",
            registryId=repository.account,
            repositoryName=repository.name,
            imageIds=[wanted],
            acceptedMediaTypes=[*INDEXES, *MANIFESTS],
        )
    except NotFoundError as error:
        raise _unknown(image) from error
    found = answer.get("images") or ()
    if not found:
        raise _unknown(image)
    try:
        manifest = json.loads(found[0].get("imageManifest") or "{}")
    except ValueError:
        manifest = {}
    return ResolvedImage(image.at(str(found[0]["imageId"]["imageDigest"])), platforms_in(manifest))


def _unknown(image: ImageReference) -> JobFileError:
    return JobFileError(
        f"There is no image {image}: AWS's registry does not know it.",
        where={"image": str(image), "registry": image.registry, "field": "image"},
        next_step="Name a repository and tag that exist (`aws ecr list-images`).",
    )

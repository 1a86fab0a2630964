"""Images of AWS's registry are looked up through its API, in the repository's own region and account."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import create_autospec

import pytest

from runctl_auto.errors import JobFileError, NotFoundError
from runctl_auto.job_file.image_reference import ImageReference
from runctl_auto.providers.aws.access import Cloud
from runctl_auto.providers.aws.container_images import resolve_image

DIGEST = f"sha256:{'0' * 64}"
IMAGE = ImageReference.parse("docker:123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/train:1")


def cloud(answer: Any) -> Any:
    found: Any = create_autospec(Cloud, instance=True)
    found.in_region.return_value = found
    found.call.side_effect = answer if isinstance(answer, Exception) else None
    found.call.return_value = answer
    return found


def test_a_tag_is_its_digest_and_platforms() -> None:
    manifest = {"manifests": [{"platform": {"os": "linux", "architecture": "arm64"}}]}
    given = cloud({"images": [{"imageId": {"imageDigest": DIGEST}, "imageManifest": json.dumps(manifest)}]})
    found = resolve_image(given, IMAGE, None)
    assert (found.reference.digest, found.platforms) == (DIGEST, ("linux/arm64",))
    given.in_region.assert_called_once_with("eu-west-1")
    asked = given.call.call_args.kwargs
    assert (asked["registryId"], asked["repositoryName"]) == ("123456789012", "team/train")
    assert asked["imageIds"] == [{"imageTag": "1"}]


@pytest.mark.parametrize("answer", [{"images": []}, NotFoundError("no repository")])
def test_what_is_not_there_is_told_by_name(answer: Any) -> None:
    with pytest.raises(JobFileError, match="There is no image 123456789012"):
        resolve_image(cloud(answer), IMAGE, None)

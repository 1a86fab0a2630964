"""The container of another tool's task."""

from __future__ import annotations

from runctl_auto.job_file.conversion.draft import Draft
from runctl_auto.job_file.image_reference import DOCKER, ImageReference


def add_container(draft: Draft, place: tuple[str | int, ...], image: object) -> None:
    """``image: docker:...``; a remark where that is no name of a container's image."""
    if image is None:
        return
    name = str(image).removeprefix(DOCKER)
    try:
        ImageReference.parse(name)
    except ValueError:
        draft.remark(place, "is neither an AMI nor the image of a container: name one in image")
        return
    draft.fields["image"] = f"{DOCKER}{name}"

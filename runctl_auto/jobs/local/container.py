"""The container of a job of this machine: an image that is here already, else what its registry tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from runctl_auto.agent.local.in_container import LocalRuntime
from runctl_auto.job_file.image_reference import ImageReference, container_image
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.jobs.container_choice import Resolve, choose_container
from runctl_auto.run.identity import RunIdentity
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.container import ContainerChoice


def choose_container_here(
    spec: JobSpec,
    before: StackConfig | None,
    run: RunIdentity,
    runtime: LocalRuntime | None,
    *,
    present: Callable[[LocalRuntime, ImageReference], str | None],
    resolve: Resolve,
    known: Mapping[str, str],
) -> tuple[ContainerChoice | None, tuple[str, ...]]:
    """As ``choose_container``. ``present`` tells the id of an image that is on this machine."""
    image = container_image(spec.image)
    if image is None or runtime is None:
        return None, ()
    is_same_run = before is not None and before.run.id == run.id and before.container is not None
    identity = None if is_same_run or image.digest is not None else present(runtime, image)
    if identity is not None:
        told = f"container: {spec.image} is the image {identity} of this machine"
        return ContainerChoice(image=spec.image, reference=identity), (told,)
    return choose_container(spec, before, run, resolve, known)

"""Settles which image a run's container has: the digest that the tag has when the run is decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from runctl_auto.errors import UsageError
from runctl_auto.job_file.image_reference import ImageReference, container_image
from runctl_auto.job_file.spec import JobSpec
from runctl_auto.providers.registries.resolved import Login, ResolvedImage
from runctl_auto.run.identity import RunIdentity
from runctl_auto.stack.config import StackConfig
from runctl_auto.stack.container import ContainerChoice

Resolve = Callable[[ImageReference, "Login | None"], ResolvedImage]


def choose_container(
    spec: JobSpec,
    before: StackConfig | None,
    run: RunIdentity,
    resolve: Resolve,
    known: Mapping[str, str],
) -> tuple[ContainerChoice | None, tuple[str, ...]]:
    """The container, and notes on it; None for a job without one. That of the same run stays.

    ``resolve`` asks the registry; ``known`` are the variables in which its password is looked for. Raises as
    ``resolve`` does, and ``UsageError`` without the password.
    """
    image = container_image(spec.image)
    if image is None or spec.clouds == ("runpod",):
        return None, ()
    kept = before.container if before is not None and before.run.id == run.id else None
    if kept is not None:
        return kept, ()
    if image.digest is not None:
        return ContainerChoice(image=spec.image, reference=str(image)), ()
    found = resolve(image, login_of(spec, known))
    told = f"container: {spec.image} is {found.reference}"
    made_for = f", made for {', '.join(found.platforms)}" if found.platforms else ""
    return ContainerChoice(image=spec.image, reference=str(found.reference)), (f"{told}{made_for}",)


def login_of(spec: JobSpec, known: Mapping[str, str]) -> Login | None:
    """The login for the registry of the job's image; None without one."""
    auth = spec.registry_auth
    if auth is None:
        return None
    password = known.get(auth.password)
    if not password:
        raise UsageError(
            f"The password of {auth.username} for the registry of job '{spec.name}' is not set: "
            f"{auth.password}.",
            where={"job": spec.name, "field": "registry_auth.password"},
            next_step=f"Set {auth.password} in the environment, or remove registry_auth.",
        )
    return Login(auth.username, password)

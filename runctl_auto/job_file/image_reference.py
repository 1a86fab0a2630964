"""The name of a container image, as docker reads it: registry, repository, tag and digest."""

from __future__ import annotations

import re
from dataclasses import dataclass

DOCKER = "docker:"
"""What an image of a container begins with in a job file."""
DOCKER_HUB = "docker.io"
_HOST = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?::[0-9]{1,5})?"
)
_PART = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_AWS_HOST = re.compile(r"([0-9]{12})\.dkr\.ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")
_LONGEST = 255


@dataclass(frozen=True)
class AwsRepository:
    """A repository of AWS's own registry."""

    account: str
    region: str
    name: str


@dataclass(frozen=True)
class ImageReference:
    """Without a ``digest`` it is what the ``tag`` means at the moment."""

    registry: str
    repository: str
    tag: str = "latest"
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> ImageReference:
        """``text`` may begin with ``docker:``. Raises ValueError that says what is wrong."""
        name, sign, digest = text.removeprefix(DOCKER).partition("@")
        if sign and not _DIGEST.fullmatch(digest):
            raise ValueError("has a digest that is not sha256: and 64 hex digits")
        first, slash, rest = name.partition("/")
        has_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
        registry, path = (first, rest) if has_host else (DOCKER_HUB, name)
        head, colon, tag = path.rpartition(":")
        repository = head if colon else path
        if colon and not _TAG.fullmatch(tag):
            raise ValueError("has a tag that no image can have")
        if not _HOST.fullmatch(registry):
            raise ValueError("names no registry before its first /")
        if registry in ("index.docker.io", "registry-1.docker.io"):
            registry = DOCKER_HUB
        if not repository or not all(_PART.fullmatch(each) for each in repository.split("/")):
            raise ValueError("names no repository: lower-case letters, digits, single separators")
        if registry == DOCKER_HUB and "/" not in repository:
            repository = f"library/{repository}"
        if len(repository) > _LONGEST:
            raise ValueError("has a name that is too long")
        return cls(registry, repository, tag if colon else "latest", digest or None)

    def __str__(self) -> str:
        place = f"{self.registry}/{self.repository}"
        return f"{place}:{self.tag}" if self.digest is None else f"{place}@{self.digest}"

    def at(self, digest: str) -> ImageReference:
        """The same, whatever becomes of its tag."""
        return ImageReference(self.registry, self.repository, self.tag, digest)

    @property
    def password_variable(self) -> str:
        """The only variable whose value is sent to the registry as a password, such as ``REGISTRY_GHCR_IO``.

        A job file, which may be somebody else's, chooses the registry, and must not have another secret sent
        there. No two registries have the same.
        """
        name = self.registry.replace("-", "__").replace(".", "_").replace(":", "_")
        return f"REGISTRY_{name.upper()}"

    @property
    def of_aws(self) -> AwsRepository | None:
        """Where it is in AWS's own registry; None elsewhere."""
        found = _AWS_HOST.fullmatch(self.registry)
        return None if found is None else AwsRepository(found[1], found[2], self.repository)


def container_image(image: str) -> ImageReference | None:
    """The container that the field ``image`` of a job file names; None for a machine's image."""
    return ImageReference.parse(image) if image.startswith(DOCKER) else None

"""What a name of an image means at the moment."""

from __future__ import annotations

from dataclasses import dataclass, field

from runctl_auto.job_file.image_reference import ImageReference


@dataclass(frozen=True)
class Login:
    """User and password for a registry."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class ResolvedImage:
    """``reference`` has a digest. ``platforms`` are those that it is made for, such as ``linux/amd64``; empty
    when unknown."""

    reference: ImageReference
    platforms: tuple[str, ...] = ()

"""The container that was settled for a run: what its name in the job file meant when the run was decided."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pydantic import ConfigDict, with_config

from runctl_auto.job_file.image_reference import ImageReference


@with_config(ConfigDict(extra="forbid"))
@dataclass(frozen=True, kw_only=True)
class ContainerChoice:
    """``image`` is what the job file says, ``reference`` the same by its digest, or by the id that the image
    has on this machine."""

    image: str
    reference: str

    def as_json(self) -> dict[str, Any]:
        """All fields as JSON data."""
        return asdict(self)

    @property
    def registry(self) -> str:
        """The name of the registry."""
        return ImageReference.parse(self.image).registry

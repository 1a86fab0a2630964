"""What every mapping in a job file is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A mapping in a job file."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=False)

"""How places are told to people: what runs there, and where that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from runctl_auto.job_file.spec import CloudName

TITLES: Mapping[CloudName, str] = {"aws": "AWS", "runpod": "RunPod"}
"""What providers are called in texts."""


class Place(Protocol):
    """A machine of a type and market, in a zone of a provider."""

    @property
    def instance_type(self) -> str: ...
    @property
    def market(self) -> str: ...
    @property
    def zone(self) -> str: ...
    @property
    def provider(self) -> CloudName: ...


def place_text(place: Place) -> str:
    """Such as ``g5.xlarge spot in us-east-1a``, with the provider where that is not AWS."""
    where = place.zone if place.provider == "aws" else f"{place.zone} ({TITLES[place.provider]})"
    return f"{place.instance_type} {place.market} in {where}"

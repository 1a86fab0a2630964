"""moto copies the content of every version in a bucket for each page of a list of versions."""

from __future__ import annotations

import copy
import io
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from moto.s3 import models

from sandbox.aws.corrections.patches import Emulation, Patches


def apply(patches: Patches, emulation: Emulation) -> None:  # noqa: ARG001
    # Only the list of versions makes deep copies in this module.
    patches.replace(models, "copy", SimpleNamespace(copy=copy.copy, deepcopy=_without_content))


def _without_content(versions: Iterable[Any]) -> list[Any]:
    return [_listed(each) if isinstance(each, models.FakeKey) else copy.copy(each) for each in versions]


def _listed(version: models.FakeKey) -> models.FakeKey:
    """What a list tells of a version. It is disposed of alone: the content stays with the version."""
    told = models.FakeKey.__new__(models.FakeKey)
    told.__dict__.update(version.__dict__, _value_buffer=io.BytesIO(), multipart=None, disposed=True)
    return told
